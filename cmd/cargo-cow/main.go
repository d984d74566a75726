// Command cargo-cow keeps the build states of Rust checkouts as layers and makes
// new build directories from them. `cargo cow VERB` and `cargo-cow VERB` are one.
//
// Each verb has a file: constructor, options, flags, checks, run. What they have
// in common is in root.go, what becomes of their errors in exit.go. One process
// runs one command; processes may run at once in any number.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())) }
