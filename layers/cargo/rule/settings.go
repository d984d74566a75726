package rule

import "github.com/cargo-cow/cargo-cow/layers/cargo/macros"

// Settings are what a user's configuration adds to what this program knows of units, and
// which rules hold.
type Settings struct {
	PureMacros []MacroRange // more macros that read nothing
	Ignore     []string     // globs of files that are never inputs
	Inputs     []string     // globs of files outside a package that macros and scripts read
	// CompileInPlace names crates whose macros bake in the directory they run in:
	// the wrapper leaves them alone.
	CompileInPlace []string
	Rules          Set
}

// MacroRange is a procedural macro package, in a range of versions, that is known
// to look at nothing but the tokens it is given.
type MacroRange = macros.Range
