// Command cargo-cow keeps the build states of Rust checkouts as layers and makes
// new build directories from them. `cargo cow VERB` and `cargo-cow VERB` are one.
//
// Each verb has a file: options, constructor with flags and checks, run. A file builds
// on app.go (what all commands share), args.go and the files that begin with its name,
// and root.go puts all of them together; what is no command is in cmd/internal. One
// process runs one command; processes may run at once in any number.
package main

import (
	"os"
	"runtime/debug"

	"github.com/cargo-cow/cargo-cow/layers/alias"
)

func main() {
	alias.Main()
	// A command lives for tens of milliseconds and holds some megabytes: collecting
	// at the first four of them took 4 ms of process time in 20, for a lockfile of
	// 1,000 packages.
	debug.SetGCPercent(400)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
