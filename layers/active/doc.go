// Package active works on build directories that are in use, each a writable tree
// where some checkout builds: it says what one is, keeps other commands of this
// program away from it (Claim), prepares trees beside it, puts one in its place in one
// step, under Cargo's own locks, and keeps what was replaced.
//
// Any number of processes may claim one directory; they take turns. A process may be
// killed at any instant: what it left beside the build directory is put away by whoever
// claims it next. A Claim is for one goroutine.
package active
