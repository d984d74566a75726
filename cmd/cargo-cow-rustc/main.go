// Command cargo-cow-rustc is a RUSTC_WRAPPER: with it a unit that was compiled
// before from the same is taken from the store's warehouse, and rustc's incremental
// state survives the way into another checkout. Cargo calls it as cargo-cow-rustc
// RUSTC ARGUMENTS.
//
// A call whose key the warehouse has is answered from it. One that compiles a unit
// of a restored place, whose state was made at another checkout's path, runs where
// the place is seen at that path. What is compiled where a store is found is
// recorded in it. All other calls, and whatever is in doubt, are passed on as they
// are: the program becomes rustc, or the wrapper that was chained behind it. It
// prints nothing of its own and keeps nothing but what layers/cargo/session and
// layers/warehouse describe. Calls may run at once in any number.
//
// It starts once for each unit of a build, so its imports are few and pinned by a
// test.
package main

import (
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// notRun is the exit status of shells for a command that was not found.
const notRun = 127

// mostMemory, in bytes, is what may be used before memory is collected all the same:
// outputs of hundreds of megabytes are read to be recorded.
const mostMemory = 512 << 20

func main() {
	alias.Main()
	argv := os.Args[1:]
	if len(argv) == 0 {
		fail("no compiler named; cargo runs this program where build.rustc-wrapper names it")
	}
	if c, err := rustc.Parse(argv); err == nil {
		// Nothing lives long enough here to be worth collecting.
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(mostMemory)
		env := os.Environ()
		j := newJob(c, env)
		s := newService(c, env, j)
		s.serve()
		if j.plan() {
			j.run(s)
		}
		s.compile()
	}
	become(behind(argv), os.Environ())
}

// behind is the command without this program: the compiler's own, or that of the
// wrapper which is chained.
func behind(argv []string) []string {
	if next := chain.Next(os.Args[0]); next != "" {
		return append([]string{next}, argv...)
	}
	return argv
}

// become replaces this process by the command. It does not return.
func become(argv, env []string) {
	path, err := lookPath(argv[0])
	if err == nil {
		err = syscall.Exec(path, argv, env)
	}
	fail("run " + argv[0] + ": " + err.Error())
}

// lookPath finds a program as execvp(3) does.
func lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	if path := rustc.LookPath(name, os.Getenv("PATH"), "."); path != "" {
		return path, nil
	}
	return "", syscall.ENOENT
}

func fail(message string) {
	os.Stderr.WriteString("error: cargo-cow-rustc: " + message + "\n")
	os.Exit(notRun)
}
