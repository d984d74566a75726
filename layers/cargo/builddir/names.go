package builddir

import (
	"cmp"
	"strings"
)

// Values of UnitName.Kind that code asks for.
const (
	KindRun    = "run-build-script" // the run of a build script
	KindScript = "build-script"     // the program that is run
	KindMacro  = "proc-macro"       // a library of procedural macros
	KindDoc    = "doc"              // documentation, by rustdoc
)

// NameOf names the unit in ud whose hash file is called file: that name says target and
// kind (cargo 1.95, compilation_files.rs:fingerprint_file_path).
func NameOf(ud UnitDir, file string) UnitName {
	n := UnitName{Package: ud.Package, Profile: ud.Profile, Unit: ud.name()}
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
	// Test: it was built with the test harness.
	Test bool `json:"test,omitempty"`
	// Profile is the directory below the build directory: debug,
	// x86_64-unknown-linux-gnu/release.
	Profile string `json:"profile"`
	// Unit is package and id: liba-407a90833ee3607c.
	Unit string `json:"unit"`
}

// Compare orders names as lists of units have them: by profile, package, kind, target.
func (n UnitName) Compare(m UnitName) int {
	return cmp.Or(strings.Compare(n.Profile, m.Profile), strings.Compare(n.Package, m.Package),
		strings.Compare(n.Kind, m.Kind), strings.Compare(n.Target, m.Target), strings.Compare(n.Unit, m.Unit))
}
