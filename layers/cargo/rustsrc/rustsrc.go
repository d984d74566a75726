// Package rustsrc tells what a Rust source file says without compiling it: what its
// code may get at (Reach), what it makes of a variable that it reads at compile time
// (EnvUses) or of its own name (NamesItself), which native libraries it asks for
// (Links), which files assembler in it reads (Assembled), which texts it has (Texts),
// and whether it may ask git for a branch (AsksBranch).
//
// Only the tokens of a file are read, and no macro is expanded. In doubt the worse is
// assumed: a use of a variable that is not plainly an include counts as one that keeps
// the value, and a name that may be a module's counts as one.
//
// The functions accept any bytes, keep no state and may be called concurrently.
package rustsrc
