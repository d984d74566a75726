// Package cargo is all that this program believes about Cargo, and the only
// place that believes it.
//
// It reads a build directory as Cargo left it (Inspect) into a Manifest that
// says, for every unit that could be wrong elsewhere, what the unit was built
// from; it compares a manifest with another checkout (Verify) and gives a Plan;
// and it makes a writable copy of the build directory true for that checkout by
// carrying the plan out (Apply). Between those steps it promises one thing: a
// unit is left fresh only when every input this package knows of was found
// equal. Whatever it cannot read, cannot explain or does not know is rebuilt.
//
// The package never writes to a source tree, never talks to the store, and
// keeps no state: values may be used from one goroutine at a time, separate
// values from any number. The facts it stands on are listed, with the version of
// Cargo they were read from and the test that holds each, in docs/cargo.md; its
// rules with their reasons are in docs/soundness.md.
package cargo
