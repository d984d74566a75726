package builddir

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

func TestProfiles(t *testing.T) {
	dir := t.TempDir()
	cargotest.Write(t, dir, map[string]string{
		"CACHEDIR.TAG": "", ".rustc_info.json": "{}", "doc/liba/index.html": "", "tmp/x": "",
		"debug/.cargo-lock":                            "", // classic
		"release/.cargo-build-lock":                    "", // since 1.96
		"bench/.fingerprint/a-0123456789abcdef/lib-a":  "", // its lock is gone
		"x86_64-unknown-linux-gnu/debug/.cargo-lock":   "",
		"x86_64-unknown-linux-gnu/release/.cargo-lock": "",
		"package/app-0.1.0/src/.cargo-lock":            "", // too deep
	})
	got, err := Profiles(dir)
	want := []string{"bench", "debug", "release", "x86_64-unknown-linux-gnu/debug", "x86_64-unknown-linux-gnu/release"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Profiles = %v, %v; want %v", got, err, want)
	}
	if _, err := Profiles(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Profiles of nothing: %v", err)
	}
}

func TestUnitDirs(t *testing.T) {
	dir := t.TempDir()
	cargotest.Write(t, dir, map[string]string{
		"debug/.fingerprint/liba-0123456789abcdef/lib-liba.json": "",
		"debug/.fingerprint/dylib/lib-dylib.json":                "", // path dylibs have no id
		"debug/.fingerprint/file":                                "",
		"debug/build/liba-1123456789abcdef/output":               "",
		"x/release/build/liba/0123456789abcdef/fingerprint/lib":  "",
		"x/release/build/liba/1123456789abcdef/run/stdout":       "", // unfinished
		"x/release/build/liba/1123456789abcdef/fingerprint":      "", // no directory
	})
	tests := []struct {
		profile, layout string
		want            []UnitDir
	}{
		{"debug", LayoutClassic, []UnitDir{
			{"debug", LayoutClassic, "dylib", "", "debug/.fingerprint/dylib"},
			{"debug", LayoutClassic, "liba", "0123456789abcdef", "debug/.fingerprint/liba-0123456789abcdef"},
		}},
		{"x/release", LayoutUnits, []UnitDir{
			{"x/release", LayoutUnits, "liba", "0123456789abcdef", "x/release/build/liba/0123456789abcdef/fingerprint"},
		}},
		{"none", "", nil},
	}
	for _, tt := range tests {
		got, layout, err := unitDirsIn(dir, tt.profile)
		if err != nil || layout != tt.layout || !slices.Equal(got, tt.want) {
			t.Errorf("unitDirs(%s) = %v, %s, %v; want %v, %s", tt.profile, got, layout, err, tt.want, tt.layout)
		}
	}
}

// Cargo's own directories, in both layouts, with several profiles and targets.
func TestProfilesOfCargo(t *testing.T) {
	for _, tc := range []struct {
		name, toolchain, layout string
		env                     []string
	}{
		{"classic", "", LayoutClassic, nil},
		{"units", "nightly", LayoutUnits, []string{"CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			t.Logf("with %s", cargotest.Require(t, tc.toolchain))
			dir := t.TempDir()
			cargotest.Write(t, dir, map[string]string{
				"Cargo.toml": "[package]\nname = \"liba\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[profile.odd]\ninherits = \"release\"\n",
				"build.rs":   "fn main() { println!(\"cargo:rerun-if-changed=build.rs\"); }",
				"src/lib.rs": "",
			})
			host := hostTriple(t, dir, tc.toolchain)
			cargotest.Run(t, dir, tc.toolchain, tc.env, "check")
			cargotest.Run(t, dir, tc.toolchain, tc.env, "check", "--profile", "odd")
			cargotest.Run(t, dir, tc.toolchain, tc.env, "check", "--target", host)
			found, err := Profiles(dir + "/target")
			if want := []string{"debug", "odd", host + "/debug"}; err != nil || !sameElements(found, want) {
				t.Fatalf("Profiles = %v, %v; want %v", found, err, want)
			}
			for _, p := range found {
				units, layout, err := unitDirsIn(dir+"/target", p)
				if err != nil || layout != tc.layout || len(units) == 0 {
					t.Errorf("unitDirs(%s): %d units, layout %q, %v", p, len(units), layout, err)
				}
			}
			s, err := Scan(dir+"/target", t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			kinds := map[string]int{}
			for _, u := range s.Units {
				kinds[u.Kind]++
				if u.Broken != nil {
					t.Errorf("%s %s: %v", u.Unit, u.File, u.Broken)
				}
				for i, d := range u.Deps {
					if d == nil {
						t.Errorf("%s: no unit has the hash of %s", u.Unit, u.Needs[i].Name)
					}
				}
			}
			if len(kinds) != 3 || kinds["lib"] != 3 || kinds[KindScript] != 3 || kinds[KindRun] != 3 {
				t.Errorf("units by kind: %v; want a library, a script and its run from each build", kinds)
			}
		})
	}
}

func hostTriple(t *testing.T, dir, toolchain string) string {
	t.Helper()
	for line := range strings.Lines(string(cargotest.Run(t, dir, toolchain, nil, "-vV"))) {
		if host, ok := strings.CutPrefix(line, "host: "); ok {
			return strings.TrimSpace(host)
		}
	}
	t.Fatal("cargo names no host")
	return ""
}

func sameElements(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	cargotest.Write(t, dir, map[string]string{
		"debug/deps/liba-0123456789abcdef.rlib":                              "",
		"debug/deps/liba-0123456789abcdef.d":                                 "",
		"debug/deps/liba-1123456789abcdef.rlib":                              "",
		"debug/deps/libdylib.so":                                             "",
		"debug/deps/dylib.d":                                                 "",
		"debug/deps/dir-0123456789abcdef/x":                                  "",
		"debug/examples/ex-2123456789abcdef":                                 "",
		"debug/examples/ex":                                                  "",
		"debug/build/p-3123456789abcdef/build_script_build-3123456789abcdef": "",
		"debug/build/p-3123456789abcdef/build-script-build":                  "",
		"debug/build/q/0123456789abcdef/out/q":                               "",
		"debug/build/q/0123456789abcdef/out/sub/x":                           "",
	})
	classic := func(pkg, id string) UnitDir {
		return UnitDir{Profile: "debug", Layout: LayoutClassic, Package: pkg, ID: id}
	}
	units := UnitDir{Profile: "debug", Layout: LayoutUnits, Package: "q", ID: "0123456789abcdef", Record: "debug/build/q/0123456789abcdef/fingerprint"}
	tests := []struct {
		u      UnitDir
		crate  string
		script bool
		want   []string
	}{
		{classic("a", "0123456789abcdef"), "a", false, []string{"debug/deps/liba-0123456789abcdef.d", "debug/deps/liba-0123456789abcdef.rlib"}},
		{classic("dylib", ""), "dylib", false, []string{"debug/deps/dylib.d", "debug/deps/libdylib.so"}},
		{classic("ex", "2123456789abcdef"), "ex", false, []string{"debug/examples/ex-2123456789abcdef"}},
		{classic("p", "3123456789abcdef"), "build_script_build", true, []string{"debug/build/p-3123456789abcdef/build_script_build-3123456789abcdef"}},
		{classic("none", "9123456789abcdef"), "none", false, nil},
		{classic("none", "9123456789abcdef"), "none", true, nil},
		{units, "q", false, []string{"debug/build/q/0123456789abcdef/out/q"}},
	}
	outs, err := newOutputIndex(dir, "debug", map[string]bool{"": true, "0123456789abcdef": true, "2123456789abcdef": true})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		got, err := outs.of(tt.u, tt.crate, tt.script)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("outputs of %s = %v, %v; want %v", tt.u.name(), got, err, tt.want)
		}
	}
}

func TestRecordDir(t *testing.T) {
	for record, want := range map[string]UnitDir{
		"debug/.fingerprint/a-b-0123456789abcdef":          {Profile: "debug", Layout: LayoutClassic, Package: "a-b", ID: "0123456789abcdef", Record: ""},
		"t/release/build/a-b/0123456789abcdef/fingerprint": {Profile: "t/release", Layout: LayoutUnits, Package: "a-b", ID: "0123456789abcdef", Record: ""},
	} {
		want.Record = record
		if got := ParseRecordDir(record); got != want {
			t.Errorf("%s: %+v, want %+v", record, got, want)
		}
	}
}

func TestSplitID(t *testing.T) {
	tests := []struct{ name, pkg, id string }{
		{"liba-407a90833ee3607c", "liba", "407a90833ee3607c"},
		{"proc-macro2-407a90833ee3607c", "proc-macro2", "407a90833ee3607c"},
		{"liba-407A90833EE3607C", "liba-407A90833EE3607C", ""},
		{"liba-407a90833ee3607", "liba-407a90833ee3607", ""},
		{"liba-407a90833ee3607cc", "liba-407a90833ee3607cc", ""},
		{"liba", "liba", ""},
		{"my-lib", "my-lib", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		if pkg, id := SplitID(tt.name); pkg != tt.pkg || id != tt.id {
			t.Errorf("SplitID(%q) = %q, %q; want %q, %q", tt.name, pkg, id, tt.pkg, tt.id)
		}
	}
}
