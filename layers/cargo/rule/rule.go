// Package rule names the rules by which a unit is rebuilt in another checkout, the reasons that are
// given for it, and what a user adds to them. Everything in it is plain data: the values may be used
// by any number of goroutines.
package rule

import (
	"fmt"
	"slices"
	"strings"
)

// Rule names one soundness rule. The names are part of the interface: explain
// prints them and docs/soundness.md has one section for each.
type Rule string

// The rules. Each closes one way in which a moved unit could be taken for fresh
// although a clean build in its new checkout would give something else.
const (
	SourceContent   Rule = "source-content"             // a source differs, whatever its time says
	OutsideSource   Rule = "outside-source"             // a source outside the package is watched at the origin
	WatchMoved      Rule = "script-watch-moved"         // a build script watches the origin by absolute path
	ScriptInput     Rule = "script-input"               // a watched file or directory differs
	ScriptOutput    Rule = "script-output-names-origin" // a build script printed a path or commit of the origin
	ScriptFiles     Rule = "script-files-name-origin"   // a file in OUT_DIR holds a path or commit of the origin
	EnvOrigin       Rule = "env-names-origin"           // an env! value names the origin and may be embedded
	MacroInputs     Rule = "macro-inputs"               // a macro may read any file of its package
	ScriptTree      Rule = "script-tree"                // a build script may read any file of its package
	GitState        Rule = "git-state"                  // a build script reads the commit it is built at
	ModuleShadow    Rule = "module-shadow"              // a new file would be taken for a module
	Fingerprint     Rule = "fingerprint"                // linker, libc, CPU or the like differ, which cargo does not compare
	Strict          Rule = "strict"                     // the user asked for it: no kept unit may be built elsewhere
	OlderThanDep    Rule = "older-than-dependency"      // built before what it is linked with
	MacroOrigin     Rule = "macro-names-origin"         // a macro embedded a path of the origin
	OriginAlias     Rule = "origin-alias"               // a path that no known name of the origin explains
	Symlink         Rule = "symlink-target"             // a symbolic link leads elsewhere
	IgnoredInputs   Rule = "ignored-inputs"             // files git does not list are inputs as well
	PackageMetadata Rule = "package-metadata"           // what the manifest resolves to differs
	ConfigEnv       Rule = "config-env"                 // the [env] table differs
	Searched        Rule = "searched-settings"          // another settings file would be found, looking upwards from a package
	EmptyOutDir     Rule = "empty-out-dir"              // a script that runs again starts from an empty OUT_DIR
	UnknownUnit     Rule = "unknown-unit"               // nothing says where it came from
	EnvElsewhere    Rule = "env-elsewhere"              // an env! value used by code outside the unit
	LinkInput       Rule = "link-input"                 // something a linker has taken up differs
	LinkOrigin      Rule = "link-names-origin"          // an argument of the linker put a path of the origin into a program
	SourceName      Rule = "source-name"                // file!() of a vendored crate names the origin
	UnlinkUplifted  Rule = "unlink-uplifted"            // a program that will be rebuilt is removed, so that nobody runs the old one
	AbsentInput     Rule = "absent-input"               // an input is missing; the script that wrote it runs again
	ChangedSince    Rule = "changed-since-build"        // an input changed after the compiler had started
	Clock           Rule = "clock"                      // what is edited during a restore is newer for cargo than all units
	InDoubt         Rule = "in-doubt"                   // something could not be read or understood
	Documentation   Rule = "documentation"              // rustdoc output is not carried
	LeftOutside     Rule = "left-outside"               // a script left something outside OUT_DIR
	NestedBuild     Rule = "nested-build"               // a build directory inside another is judged like it, or left out
	Cargo           Rule = "cargo"                      // cargo itself holds the unit dirty
	Dependency      Rule = "dependency"                 // something it depends on will be rebuilt
)

// all are the rules of ours, which a test may switch off. The last two above are Cargo's, and Documentation only names
// what Cargo does since doc/ is no part of a layer.
var all = []Rule{
	SourceContent, OutsideSource, WatchMoved, ScriptInput, ScriptOutput, ScriptFiles,
	EnvOrigin, MacroInputs, ScriptTree, GitState, ModuleShadow, Fingerprint, Strict,
	OlderThanDep, MacroOrigin, OriginAlias, Symlink, IgnoredInputs, PackageMetadata,
	ConfigEnv, EmptyOutDir, UnknownUnit, EnvElsewhere, UnlinkUplifted, AbsentInput,
	ChangedSince, Clock, InDoubt, SourceName, LeftOutside, NestedBuild,
	LinkInput, LinkOrigin, Searched,
}

// Set says which rules hold. The zero value holds all of them, and is the only one
// outside of tests: those switch single rules off to prove that it is the rule, and
// not chance, that closes a hazard.
type Set struct{ without []Rule }

// Without returns the set of all rules but the named ones. A name that is no rule is an
// error.
func Without(names []string) (Set, error) {
	var r Set
	for _, n := range names {
		rule := Rule(strings.TrimSpace(n))
		if !slices.Contains(all, rule) {
			return Set{}, fmt.Errorf("switch off rule %q: no such rule", n)
		}
		r.without = append(r.without, rule)
	}
	return r, nil
}

// On reports whether rule is in the set.
func (r Set) On(rule Rule) bool { return !slices.Contains(r.without, rule) }
