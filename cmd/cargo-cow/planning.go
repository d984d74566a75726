package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/planner"
)

// planning reports whether cargo runs this program in the place of rustc, to plan
// a build (cargo.Planner).
func planning(environ []string) bool {
	for _, kv := range environ {
		if value, ok := strings.CutPrefix(kv, planner.PlanningVariable+"="); ok {
			return value != ""
		}
	}
	return false
}

// answerPlanning becomes the compiler for a question, and fails for a compilation.
// args are those that cargo gave: the compiler and its own.
func answerPlanning(args, environ []string) int {
	if len(args) == 0 || planner.RefuseCompile(args) {
		return 1
	}
	path, err := exec.LookPath(args[0])
	if err == nil {
		err = syscall.Exec(path, args, environ)
	}
	fmt.Fprintln(os.Stderr, "error: run compiler:", err)
	return 1
}
