// Package soundness proves, with real cargo on a real Btrfs file system, that a
// build directory restored by cargo-cow is never stale: in every checkout the
// program that plain cargo builds is the one a clean build gives. It also
// proves the other half, that nothing is rebuilt without need.
//
// It holds tests only. Each hazard of moving a build directory is one entry of
// a table, run five times from one origin: after a naive copy (the fixture shows
// the hazard), after a restore (the hazard is closed), after another one with the
// compiler's wrapper on, after a restore with the one rule switched off (that rule
// is what closes it), and from nothing (the truth).
// Tests run in parallel; each has directories of its own.
package soundness
