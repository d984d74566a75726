// Package policy holds the rules of the house as tests: which package may import which, what a package comment must be,
// how long a file may get, and what nothing below cmd may do. A rule here is not changed to make a build pass; it is
// changed when its reason no longer holds. The package has no code of its own.
package policy
