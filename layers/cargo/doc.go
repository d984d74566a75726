// Package cargo decides which units of a build directory may stay fresh in another
// checkout.
//
// Inspect reads a build directory as Cargo left it into a Manifest, which says of every
// unit that could be wrong elsewhere what it was built from. Verify compares a manifest
// with another checkout and gives a Plan. Apply carries the plan out on a writable copy
// of the build directory, which is then true for that checkout. Together they promise
// one thing: a unit is left fresh only if every input that is known of it was found
// equal. Whatever cannot be read, cannot be explained or is not known is rebuilt.
//
// The packages below this one hold all that this program believes about Cargo. Those
// beliefs are listed, with the version of Cargo they were read from and the test that
// holds each, in docs/cargo.md; the rules with their reasons are in docs/soundness.md.
//
// The package never writes to a source tree, never talks to the store, and keeps no
// state: values may be used from one goroutine at a time, separate values from any
// number.
package cargo
