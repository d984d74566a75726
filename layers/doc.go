// Package layers keeps build states. A Layer is a sealed copy of a build
// directory with a record; an active tree is a writable copy of one, in use as
// the build directory of some checkout. A Store holds the layers of one user on
// one file system.
//
// Any number of processes may use a store at once. Two that seal the same state
// get the same layer; a layer that is being restored is held by a lease and
// cannot be removed. Any process may be killed at any instant, and the machine
// may lose power: the next Open finds only whole layers, and puts away what was
// left half done. A build directory is replaced in one step, under Cargo's own
// locks, and what was replaced stays beside it until the next restore.
//
// The package does not print, ask, or read flags and the environment. It knows
// neither which driver makes its trees nor what is in a build directory; the
// latter is package cargo's.
package layers
