// Package workspace is one checkout as Cargo and git see it: what was asked of them when a command
// began, and what packages below ask later, each question once.
//
// A Checkout is for one command and one goroutine at a time. It looks, but for HandOff, which
// writes into a copy that is being restored.
package workspace
