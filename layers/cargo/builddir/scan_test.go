package builddir

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
)

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
	ud := UnitDir{ProfileDir: "debug", Layout: LayoutClassic, Pkg: "p", Id: "0123456789abcdef"}
	for _, tt := range tests {
		got := NameOf(ud, tt.file)
		want := UnitName{Package: "p", Target: tt.name, Kind: tt.kind, Test: tt.test, Profile: "debug", Unit: "p-0123456789abcdef"}
		if got != want {
			t.Errorf("unitName(%q) = %+v; want %+v", tt.file, got, want)
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
			t.Errorf("splitID(%q) = %q without an id", s, pkg)
		case id != "" && pkg+"-"+id != s:
			t.Errorf("splitID(%q) = %q, %q", s, pkg, id)
		}
		if n := NameOf(UnitDir{Pkg: pkg, Id: id}, s); n.Unit != s {
			t.Errorf("%q is called %q", s, n.Unit)
		}
	})
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
			t.Errorf("splitID(%q) = %q, %q; want %q, %q", tt.name, pkg, id, tt.pkg, tt.id)
		}
	}
}

func TestIsProcMacro(t *testing.T) {
	tests := []struct {
		files []string
		want  bool
	}{
		{[]string{"deps/libmac-1.so"}, true},
		{[]string{"deps/libmac-1.so", "deps/libmac-1.rmeta"}, true}, // -Zembed-metadata=no
		{[]string{"deps/libliba-1.rlib", "deps/libliba-1.rmeta"}, false},
		{[]string{"deps/libboth.so", "deps/libboth-1.rlib"}, false},
		{[]string{"deps/libboth.so", "deps/libboth.a"}, false},
		{nil, false},
	}
	for _, tt := range tests {
		var files []Output
		for _, f := range tt.files {
			files = append(files, Output{Path: f})
		}
		if got := isProcMacro(files); got != tt.want {
			t.Errorf("isProcMacro(%v) = %v; want %v", tt.files, got, tt.want)
		}
	}
}

// unitOfRoot is a compiled unit whose first source is root.
func unitOfRoot(root string) *Unit {
	return &Unit{UnitDir: UnitDir{Pkg: "a"}, DepInfo: &depinfo.Info{}, SourceList: &depfile.File{Deps: []string{root}}}
}

func TestClassify(t *testing.T) {
	// Names that rustc wrote, from cargo's own ways of calling it.
	tests := []struct{ root, want string }{
		{"/h/.cargo/registry/src/index-1949cf8c6b5b557f/serde-1.0.1/src/lib.rs", SourceRegistry},
		{"/h/.cargo/git/checkouts/x-0123/abc/src/lib.rs", SourceGit},
		{"/h/.cargo/registry-of-mine/src/lib.rs", SourceVendored},
		{"/w/vendor/a/src/lib.rs", SourceVendored},
		{"crates/a/src/lib.rs", SourcePath},
	}
	for _, tt := range tests {
		u := unitOfRoot(tt.root)
		u.Classify("/h/.cargo")
		if u.Source != tt.want {
			t.Errorf("%s: source %s; want %s", tt.root, u.Source, tt.want)
		}
	}
	// A path package outside of the workspace is watched by cargo.
	u := unitOfRoot("/libs/a/src/lib.rs")
	u.DepInfo = &depinfo.Info{Files: []depinfo.File{{Kind: depinfo.PackageRoot, Path: "src/lib.rs"}}}
	if u.Classify("/h/.cargo"); u.Source != SourcePath {
		t.Errorf("a package that is watched is %s", u.Source)
	}
	// A restore has cargo watch a vendored one.
	u.DepInfo.Files = []depinfo.File{{Kind: depinfo.BuildRoot, Path: "/libs/a/src/lib.rs"}}
	if u.Classify("/h/.cargo"); u.Source != SourceVendored {
		t.Errorf("a vendored package that is watched by absolute names is %s", u.Source)
	}
	u = &Unit{}
	if u.Classify("/h/.cargo"); u.Source != SourceUnknown || !u.Mutable() {
		t.Errorf("a unit without a list of sources is %s; unknown is never immutable", u.Source)
	}
}
