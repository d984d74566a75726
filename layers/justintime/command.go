package justintime

import (
	"slices"
	"strings"
)

// A Command is what cargo was called for, as far as that decides which units it asks for: of two layers it says which is
// the better one, and of none whether it is right. The zero Command is one of which nothing is known.
type Command struct {
	Profile string // the directory of its profile in a build directory: debug, release
	Check   bool   // cargo check, which asks for metadata
}

// Those of cargo's own commands that build, and what they build where nothing else is said. All else may be an alias, whose
// words are not cargo's.
var builds = map[string]Command{
	"build": {Profile: "dev"}, "b": {Profile: "dev"}, "run": {Profile: "dev"}, "r": {Profile: "dev"}, "rustc": {Profile: "dev"},
	"test": {Profile: "test"}, "t": {Profile: "test"}, "bench": {Profile: "bench"},
	"check": {Profile: "dev", Check: true}, "c": {Profile: "dev", Check: true},
}

// profileDirs are the directories of profiles that have none of their own name.
var profileDirs = map[string]string{"dev": "debug", "test": "debug", "bench": "release"}

// commandOf is what cargo was called for; profile is "" where the command line names none.
func commandOf(name, profile string) Command {
	c := builds[name]
	if c.Profile != "" && profile != "" {
		c.Profile = profile
	}
	if dir := profileDirs[c.Profile]; dir != "" {
		c.Profile = dir
	}
	return c
}

const checks = "check:"

// String is what ParseCommand reads, and never empty.
func (c Command) String() string {
	switch {
	case c.Profile == "":
		return ":"
	case c.Check:
		return checks + c.Profile
	}
	return ":" + c.Profile
}

// ParseCommand reads a command. What it cannot read is one of which nothing is known.
func ParseCommand(text string) Command {
	kind, profile, _ := strings.Cut(text, ":")
	if !slices.Contains([]string{"", "check"}, kind) || strings.ContainsAny(profile, "/:") {
		return Command{}
	}
	return Command{Profile: profile, Check: profile != "" && kind == "check"}
}
