package builddir

import "testing"

func TestUnitName(t *testing.T) {
	tests := []struct {
		file string
		kind string
		name string
		test bool
	}{
		{"lib-liba", "lib", "liba", false},
		{"bin-app", "bin", "app", false},
		{"example-ex", "example", "ex", false},
		{"build-script-build-script-build", KindScript, "build-script-build", false},
		{"run-build-script-build-script-build", KindRun, "build-script-build", false},
		{"test-lib-liba", "lib", "liba", true},
		{"test-bin-app", "bin", "app", true},
		{"test-integration-test-it", "test", "it", true},
		{"integration-test-it", "test", "it", false},
		{"test-bench-speed", "bench", "speed", true},
		{"bench-speed", "bench", "speed", false},
		{"test-example-ex", "example", "ex", true},
		{"doc-lib-liba", KindDoc, "liba", false},
		{"doc-bin-app", KindDoc, "app", false},
		// Targets that are called like a part of the name.
		{"bin-lib-x", "bin", "lib-x", false},
		{"bin-test-lib-x", "bin", "test-lib-x", false},
		{"lib-run-it", "lib", "run-it", false},
		{"test-bin-doc-lib", "bin", "doc-lib", true},
		{"integration-test-test-lib-x", "test", "test-lib-x", false},
		{"something-new", "", "something-new", false},
		{"test-something-new", "", "test-something-new", false},
		{"", "", "", false},
	}
	ud := UnitDir{Profile: "debug", Layout: LayoutClassic, Package: "p", ID: "0123456789abcdef"}
	for _, tt := range tests {
		got := NameOf(ud, tt.file)
		want := UnitName{Package: "p", Target: tt.name, Kind: tt.kind, Test: tt.test, Profile: "debug", Unit: "p-0123456789abcdef"}
		if got != want {
			t.Errorf("NameOf(%q) = %+v; want %+v", tt.file, got, want)
		}
	}
}

func FuzzUnitName(f *testing.F) {
	for _, s := range []string{"p-0123456789abcdef", "p", "-0123456789abcdef", "a-b-0123456789abcdeF", "test-lib-x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pkg, id := SplitID(s)
		switch {
		case id == "" && pkg != s:
			t.Errorf("SplitID(%q) = %q without an id", s, pkg)
		case id != "" && pkg+"-"+id != s:
			t.Errorf("SplitID(%q) = %q, %q", s, pkg, id)
		}
		if n := NameOf(UnitDir{Package: pkg, ID: id}, s); n.Unit != s {
			t.Errorf("%q is called %q", s, n.Unit)
		}
	})
}
