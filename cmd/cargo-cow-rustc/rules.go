package main

// A rule is a reason for which a call is not run at another path, or for which
// something is put right afterwards. Tests switch single rules off, to show that without
// the rule the fault appears which it is there for.
type rule string

const (
	ruleDepFile   rule = "wrapper-dep-file"   // W1: the list of inputs names the checkout
	ruleCrateRoot rule = "wrapper-crate-root" // W2: a package that is compiled from a directory of its own
	ruleNames     rule = "wrapper-names"      // W3: a value or argument names the other checkout
	ruleArguments rule = "wrapper-arguments"  // W4: only arguments that are positions are translated
	ruleGit       rule = "wrapper-git"        // W5: the repository lies where the checkout is seen
	ruleAsked     rule = "wrapper-asked"      // W5: the crate asked for a variable that names the other checkout
	ruleLeaves    rule = "wrapper-leaves"     // a source outside of what is seen at both paths
	ruleLinks     rule = "wrapper-links"      // a symbolic link that leads elsewhere when it is seen there
	ruleAgain     rule = "wrapper-again"      // F: what fails there is run again where it lies
	ruleUnit      rule = "wrapper-unit"       // P: each unit has a path of its own
	ruleDebug     rule = "wrapper-debug"      // outputs that tools find by the path they were made under
)
