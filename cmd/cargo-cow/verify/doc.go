// Package verify proves, with real cargo on real file systems, that `cargo cow verify` calls a unit equal only where it
// is what the compiler makes, and different only where it is not; and that it changes nothing.
//
// It holds tests only. They run in parallel; each has a world of its own.
package verify
