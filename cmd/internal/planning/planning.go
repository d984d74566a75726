// Package planning is this program in the place of rustc, for as long as cargo plans a
// build and compiles nothing (layers/cargo/planner). Cargo starts it once for each thing
// that it asks the compiler, several at once.
package planning

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/layers/cargo/planner"
)

// Asked reports whether cargo has started this program in the place of rustc.
func Asked(env environ.Environ) bool { return env.Get(planner.PlanningVariable) != "" }

// Answer becomes the compiler for a question, and returns the exit code of a failure
// for a compilation. args are those that cargo gave: the compiler and its own.
func Answer(args []string, env environ.Environ, stderr io.Writer) (code int) {
	if len(args) == 0 || planner.RefuseCompile(args) {
		return 1
	}
	path, err := exec.LookPath(args[0])
	if err == nil {
		err = syscall.Exec(path, args, env)
	}
	fmt.Fprintln(stderr, "error: run compiler:", err)
	return 1
}
