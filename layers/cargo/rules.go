package cargo

import (
	"fmt"
	"slices"
	"strings"
)

// Rule names one soundness rule. The names are part of the interface: explain
// prints them and docs/soundness.md has one section for each.
type Rule string

// The rules. Each closes one way in which a moved unit could be taken for fresh
// although a clean build in its new place would give something else.
const (
	RuleSourceContent   Rule = "source-content"             // a source differs, whatever its time says
	RuleOutsideSource   Rule = "outside-source"             // a source outside the package is watched at the origin
	RuleWatchMoved      Rule = "script-watch-moved"         // a build script watches the origin by absolute path
	RuleScriptInput     Rule = "script-input"               // a watched file or directory differs
	RuleScriptOutput    Rule = "script-output-names-origin" // a build script printed a path or commit of the origin
	RuleScriptFiles     Rule = "script-files-name-origin"   // a file in OUT_DIR holds one
	RuleEnvOrigin       Rule = "env-names-origin"           // an env! value names the origin and may be embedded
	RuleMacroInputs     Rule = "macro-inputs"               // a macro may read any file of its package
	RuleScriptTree      Rule = "script-tree"                // a build script may read any file of its package
	RuleGitState        Rule = "git-state"                  // a build script reads the commit it is built at
	RuleModuleShadow    Rule = "module-shadow"              // a new file would be taken for a module
	RuleFingerprint     Rule = "fingerprint"                // another toolchain, linker, CARGO_HOME, CPU
	RuleStrict          Rule = "strict"                     // asked for: nothing may name the origin
	RuleOlderThanDep    Rule = "older-than-dependency"      // built before what it is linked with
	RuleMacroOrigin     Rule = "macro-names-origin"         // a macro embedded a path of the origin
	RuleOriginAlias     Rule = "origin-alias"               // a path that no known name of the origin explains
	RuleSymlink         Rule = "symlink-target"             // a symbolic link leads elsewhere
	RuleIgnoredInputs   Rule = "ignored-inputs"             // files git does not list are inputs as well
	RulePackageMetadata Rule = "package-metadata"           // what the manifest resolves to differs
	RuleConfigEnv       Rule = "config-env"                 // the [env] table differs
	RuleSearched        Rule = "searched-settings"          // a settings file that is looked for in directory after directory
	RuleEmptyOutDir     Rule = "empty-out-dir"              // a script that runs again starts from an empty OUT_DIR
	RuleUnknownUnit     Rule = "unknown-unit"               // nothing says where it came from
	RuleEnvElsewhere    Rule = "env-elsewhere"              // an env! value used by code outside the unit
	RuleLinkInput       Rule = "link-input"                 // something a linker has taken up differs
	RuleLinkOrigin      Rule = "link-names-origin"          // an argument of the linker put a path of the origin into a program
	RuleSourceName      Rule = "source-name"                // file!() of a vendored crate names the origin
	RuleUnlinkUplifted  Rule = "unlink-uplifted"            // a program that will be rebuilt is not left to be run
	RuleAbsentInput     Rule = "absent-input"               // an input is missing; the script that wrote it runs again
	RuleChangedSince    Rule = "changed-since-build"        // an input changed after the compiler had started
	RuleClock           Rule = "clock"                      // what is edited during a restore is seen by cargo
	RuleInDoubt         Rule = "in-doubt"                   // something could not be read or understood
	RuleDocumentation   Rule = "documentation"              // rustdoc output is not carried
	RuleLeftOutside     Rule = "left-outside"               // a script left something outside OUT_DIR
	RuleNestedBuild     Rule = "nested-build"               // a build directory inside another is judged, or left out
	RuleCargo           Rule = "cargo"                      // cargo itself holds the unit dirty
	RuleDependency      Rule = "dependency"                 // something it depends on will be rebuilt
)

var allRules = []Rule{
	RuleSourceContent, RuleOutsideSource, RuleWatchMoved, RuleScriptInput, RuleScriptOutput, RuleScriptFiles,
	RuleEnvOrigin, RuleMacroInputs, RuleScriptTree, RuleGitState, RuleModuleShadow, RuleFingerprint, RuleStrict,
	RuleOlderThanDep, RuleMacroOrigin, RuleOriginAlias, RuleSymlink, RuleIgnoredInputs, RulePackageMetadata,
	RuleConfigEnv, RuleEmptyOutDir, RuleUnknownUnit, RuleEnvElsewhere, RuleUnlinkUplifted, RuleAbsentInput,
	RuleChangedSince, RuleClock, RuleInDoubt, RuleDocumentation, RuleSourceName, RuleLeftOutside, RuleNestedBuild,
	RuleLinkInput, RuleLinkOrigin, RuleSearched,
}

// Rules says which rules hold. The zero value is the only one a user ever
// meets: all of them. Tests switch single rules off to prove that it is this
// rule, and no luck, that closes a hazard.
type Rules struct{ without []Rule }

// Without returns rules with the named ones switched off.
func Without(names []string) (Rules, error) {
	var r Rules
	for _, n := range names {
		rule := Rule(strings.TrimSpace(n))
		if !slices.Contains(allRules, rule) {
			return Rules{}, fmt.Errorf("switch off rule %q: no such rule", n)
		}
		r.without = append(r.without, rule)
	}
	return r, nil
}

// On reports whether rule holds.
func (r Rules) On(rule Rule) bool { return !slices.Contains(r.without, rule) }
