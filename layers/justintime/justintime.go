// Package justintime has a build directory restored at the one moment before cargo makes it: when cargo asks its
// compiler for its version, which it does through the wrapper, and does first in a checkout where nothing is built yet
// (cargo 1.85 to 1.100, util/rustc.rs: `-vV`, whose answer it keeps in the build directory).
//
// What is looked at before any process is started: how cargo was called, whether something is built, and whether a store
// knows the repository or the lockfile. In doubt nothing is done, and cargo builds as it would have. Nothing is ever
// said on cargo's streams.
//
// It runs in the wrapper, so it imports next to nothing. Any number of processes may do this at once for one checkout:
// the command that is run has them take turns, and puts a build directory in place only where there is none.
package justintime

// IsVersion reports whether a call of the wrapper asks the compiler for its version.
func IsVersion(argv []string) bool { return len(argv) > 1 && argv[len(argv)-1] == "-vV" }

// Restore is called with the environment of a call that asks for the version. It returns when cargo can go on.
func Restore(env []string) {
	cargo, err := parent()
	if err != nil {
		return
	}
	if r := cargo.request(env); r != nil && r.isKnown() {
		r.run()
	}
}
