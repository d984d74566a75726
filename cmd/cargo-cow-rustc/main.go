// Command cargo-cow-rustc is a RUSTC_WRAPPER: with it a unit that was compiled
// from the same inputs before is taken from the store's warehouse, and rustc's
// incremental state is of use in another checkout, too. Cargo calls it as cargo-cow-rustc
// RUSTC ARGUMENTS.
//
// Before cargo builds in a checkout for the first time, its build directory is restored
// (layers/justintime). A question about the compiler is answered as it was before. A call
// whose key the warehouse has is answered from it. One that compiles a unit of a restored
// checkout, whose state was made at another one's path, runs where the checkout is seen at
// that path. What is compiled where a store is found is recorded in it. All other calls,
// and whatever is in doubt, are passed on as they
// are: the program becomes rustc, or the wrapper that was chained behind it. It
// prints nothing of its own and keeps nothing but what layers/cargo/handoff and
// layers/warehouse describe. The first call of a cargo that compiles starts a keeper, which puts
// the outputs of all of them into the warehouse when that cargo is done, and ends
// (keeper.go). Calls may run at once in any number.
//
// It starts once for each unit of a build, so its imports are few and pinned by a
// test.
package main

import (
	"errors"
	"os"
	"runtime/debug"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// notRun is the exit status of shells for a command that was not found.
const notRun = 127

// mostMemory, in bytes, is what may be used before memory is collected all the same:
// outputs of hundreds of megabytes are read to be recorded.
const mostMemory = 512 << 20

func main() {
	alias.Main()
	if len(os.Args) == 4 && os.Args[1] == keepFlag {
		keep(os.Args[2], os.Args[3])
		return
	}
	out := wrap(os.Args[1:], os.Environ())
	if out.err != nil {
		os.Stderr.WriteString("error: cargo-cow-rustc: " + out.err.Error() + "\n")
		os.Exit(notRun)
	}
	if out.status.Signaled() {
		raise(out.status.Signal())
		os.Exit(128 + int(out.status.Signal())) // as shells do
	}
	os.Exit(out.status.ExitStatus())
}

// wrap runs the command of argv. It does not return where this process becomes that.
func wrap(argv, env []string) outcome {
	if len(argv) == 0 {
		return failed(errors.New("no compiler named; cargo runs this program where build.rustc-wrapper names it"))
	}
	if justintime.IsOff(env) || isTrespass() {
		return become(behind(argv), env)
	}
	if justintime.IsVersion(argv) {
		justintime.Restore(env)
	}
	if out, done := answerQuestion(argv, env); done {
		return out
	}
	if call, err := rustc.Parse(argv); err == nil && !isTrespassInto(call.OutDir) {
		// Nothing lives long enough here to be worth collecting.
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(mostMemory)
		if out, done := route(call, env); done {
			return out
		}
	}
	return become(behind(argv), env)
}

// isTrespass reports whether root compiles in a checkout of another user's: what this program noted
// or kept for that would be in the user's way (locate.Trespass).
func isTrespass() bool {
	dir, err := os.Getwd()
	if err != nil {
		return false
	}
	_, yes := locate.Trespass(dir)
	return yes
}

// isTrespassInto is isTrespass for a call whose outputs go into a directory: a package of a
// registry's is compiled from elsewhere.
func isTrespassInto(dir string) bool {
	_, yes := locate.Trespass(dir)
	return yes
}

// route goes the first way that is open for a call: an answer from the warehouse, a
// run in a view, one that is recorded. done is false where none is, and then nothing
// was said.
func route(call *rustc.Call, env []string) (out outcome, done bool) {
	v := newViewedCall(call, env)
	c := newCachedCall(call, env, v)
	if c != nil && c.answer() {
		return outcome{}, true
	}
	if v != nil && v.plan() {
		if out, done = v.runInView(c); done {
			return out, true
		}
	}
	if c == nil {
		return outcome{}, false
	}
	return c.compile()
}
