// Package policy holds the rules of the house as tests: which package may import which, what a package comment must be,
// how long files, functions and packages may get, how far the files of a package may be from a reading order, what
// nothing below cmd may do, and that the pages name what is there. A rule here is not changed to make a build pass; it is
// changed when its reason no longer holds. The package has no code of its own.
package policy
