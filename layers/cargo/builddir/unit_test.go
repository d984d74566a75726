package builddir

import (
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
)

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
	return &Unit{UnitName: UnitName{Package: "a"}, DepInfo: &depinfo.Info{}, SourceList: &depfile.File{Deps: []string{root}}}
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
