// Package divergence proves, with real cargo on a real Btrfs file system, that a
// checkout whose dependencies are not those of any layer compiles what no layer
// has, and nothing else: what is the same is restored or grafted. The program it
// builds then is the one a clean build gives.
//
// It holds tests only. Which units are new is found without cargo-cow: in the
// unit fingerprints that cargo itself leaves in a clean build directory and in
// the trees of the layers. Tests run in parallel; each has a file system of its
// own.
package divergence
