package builddir

import "strings"

// The kinds of unit that are asked for; see UnitName.Kind.
const (
	KindRun    = "run-build-script"
	KindScript = "build-script"
	KindMacro  = "proc-macro"
	KindDoc    = "doc"
)

// NameOf reads what a hash file's name says (cargo 1.95,
// compilation_files.rs:fingerprint_file_path).
func NameOf(ud UnitDir, file string) UnitName {
	n := UnitName{Package: ud.Pkg, Profile: ud.ProfileDir, Unit: ud.name()}
	rest := file
	flavor := ""
	for _, f := range []string{"test-", "doc-", "run-"} {
		// A test target is of kind integration-test or of flavor test: only
		// the flavor is followed by a kind again.
		if r, ok := strings.CutPrefix(rest, f); ok {
			if _, _, known := cutKind(r); known {
				rest, flavor = r, f
			}
			break
		}
	}
	n.Kind, n.Target, _ = cutKind(rest)
	switch flavor {
	case "test-":
		n.Test = true
	case "doc-":
		n.Kind = KindDoc
	case "run-":
		n.Kind = KindRun
	}
	return n
}

func cutKind(s string) (kind, target string, known bool) {
	for _, k := range []struct{ file, kind string }{
		{"lib-", "lib"}, {"bin-", "bin"}, {"integration-test-", "test"}, {"example-", "example"},
		{"bench-", "bench"}, {"build-script-", KindScript},
	} {
		if t, ok := strings.CutPrefix(s, k.file); ok {
			return k.kind, t, true
		}
	}
	return "", s, false
}

// UnitName identifies a unit to a person.
type UnitName struct {
	Package string `json:"package"`
	Target  string `json:"target"`
	// Kind is lib, bin, test, example, bench, proc-macro, build-script,
	// run-build-script or doc.
	Kind string `json:"kind"`
	// Test tells a unit built with the test harness.
	Test bool `json:"test,omitempty"`
	// Profile is the directory below the build directory: debug,
	// x86_64-unknown-linux-gnu/release.
	Profile string `json:"profile"`
	// Unit is package and id: liba-407a90833ee3607c.
	Unit string `json:"unit"`
}
