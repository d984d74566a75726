// Package survival proves, with the real program and real cargo on real file
// systems, that nothing a user has built is ever lost: not when the program is
// killed at any instant, not when many of them and cargo work at once, not on a
// full or read-only disk, for a user without privilege, or with damaged files.
//
// It holds tests only. What they look at is what a user would: the build
// directory, what cargo then finds fresh, what the built program says, and
// whether `cargo cow check` is content. Tests run in parallel; each has a file
// system of its own.
package survival
