// Package asking is this program in the place of rustc and of build scripts, while cargo is asked how it makes units
// (layers/cargo/calls). Cargo starts it once for each thing that it asks the compiler, for each compilation and for each
// script, several at once.
package asking

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/layers/cargo/calls"
	"github.com/cargo-cow/cargo-cow/layers/cargo/planner"
)

// Asked reports whether cargo has started this program in the place of another.
func Asked(env environ.Environ) bool { return env.Get(calls.Variable) != "" }

// Answer becomes the compiler for a question. A compilation, and a script, it notes: of the one it says that all went
// well, of the other what it said before. args are those that cargo gave, the program first: the compiler, or what
// stands in the file of the script.
func Answer(args []string, env environ.Environ, stdout, stderr io.Writer) (code int) {
	c := &calls.Call{Args: args, Env: env}
	if len(args) == 0 {
		return 1
	}
	if !c.IsScript() && !planner.RefuseCompile(args) {
		return become(args, env, stderr)
	}
	var err error
	if c.Dir, err = os.Getwd(); err == nil {
		err = calls.Note(env.Get(calls.Variable), c)
	}
	if err != nil {
		fmt.Fprintln(stderr, "error: note call:", err)
		return 1
	}
	if !c.IsScript() {
		return 0
	}
	said, err := os.ReadFile(c.OutDir() + calls.SaidSuffix)
	if err != nil { // it never ran in this build directory
		return 1
	}
	if _, err := stdout.Write(said); err != nil {
		return 1
	}
	return 0
}

// become replaces the process by the compiler.
func become(args []string, env environ.Environ, stderr io.Writer) (code int) {
	path, err := exec.LookPath(args[0])
	if err == nil {
		err = syscall.Exec(path, args, env)
	}
	fmt.Fprintln(stderr, "error: run compiler:", err)
	return 1
}
