package reach

import (
	"os"
	"reflect"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// builtFrom is a compiled unit of pkg whose first source is root.
func builtFrom(pkg, root string) *builddir.Unit {
	u := &builddir.Unit{UnitName: builddir.UnitName{Package: pkg}, DepInfo: &depinfo.Info{}, SourceList: &depfile.File{Deps: []string{root}}}
	u.Classify("/h/.cargo")
	return u
}

// pure reports whether a macro is, of which no source is there.
func pure(u *builddir.Unit, extra []rule.MacroRange) bool {
	return NewMacros(extra, noSources).Of(u).Pure()
}

func noSources(*builddir.Unit) ([]rustsrc.Source, error) { return nil, os.ErrNotExist }

func TestIsPure(t *testing.T) {
	const src = "/h/.cargo/registry/src/index-1949cf8c6b5b557f/"
	extra := []rule.MacroRange{{Name: "mine", From: "1.2.0", Below: "1.4.0"}, {Name: "any"}}
	tests := []struct {
		pkg, root string
		want      bool
	}{
		{"serde_derive", src + "serde_derive-1.0.228/src/lib.rs", true},
		{"serde_derive", src + "serde_derive-1.0.99/src/lib.rs", false},
		{"serde_derive", src + "serde_derive-2.0.0/src/lib.rs", false},
		{"serde_derive", src + "serde_derive-fork-1.0.228/src/lib.rs", false},
		{"serde_derive", src + "serde_derive/src/lib.rs", false},
		{"serde_derive", src + "serde_derive-9.0.0/serde_derive-1.0.228/src/lib.rs", false},
		{"serde", src + "serde_derive-1.0.228/src/lib.rs", false},
		{"mine", src + "mine-1.2.0/lib.rs", true},
		{"mine", src + "mine-1.3.9+meta/src/a/b/lib.rs", true},
		{"mine", src + "mine-1.4.0/lib.rs", false},
		{"mine", src + "mine-1.4.0-rc.1/lib.rs", false},
		{"mine", src + "mine-1.1.99/lib.rs", false},
		{"any", src + "any-0.0.1/lib.rs", true},
		{"other", src + "other-1.3.0/lib.rs", false},
		{"mine", "src/lib.rs", false},
	}
	for _, tt := range tests {
		if got := pure(builtFrom(tt.pkg, tt.root), extra); got != tt.want {
			t.Errorf("%s at %s: pure = %v; want %v", tt.pkg, tt.root, got, tt.want)
		}
	}
	for _, source := range []string{builddir.SourcePath, builddir.SourceGit, builddir.SourceVendored, builddir.SourceUnknown} {
		u := builtFrom("serde_derive", src+"serde_derive-1.0.228/src/lib.rs")
		if u.Source = source; pure(u, nil) {
			t.Errorf("a macro whose source is %s is held to be what was read", source)
		}
	}
}

func TestImpure(t *testing.T) {
	const src = "/h/.cargo/registry/src/index-1949cf8c6b5b557f/"
	macro := func(name, dir string) *builddir.Unit {
		u := builtFrom(name, src+dir+"/src/lib.rs")
		u.Kind = builddir.KindMacro
		return u
	}
	pure := macro("serde_derive", "serde_derive-1.0.228")
	reads := macro("reads", "reads-1.0.0")
	lib := func(deps ...*builddir.Unit) *builddir.Unit {
		return &builddir.Unit{UnitName: builddir.UnitName{Kind: "lib"}, Deps: deps}
	}
	script := &builddir.Unit{UnitName: builddir.UnitName{Package: "p", Kind: builddir.KindScript}, Deps: []*builddir.Unit{lib(reads)}}
	run := &builddir.Unit{UnitName: builddir.UnitName{Kind: builddir.KindRun}, Run: true, Deps: []*builddir.Unit{script}}
	tests := []struct {
		name string
		u    *builddir.Unit
		want string
	}{
		{"none", lib(lib()), ""},
		{"pure", lib(pure), ""},
		{"its own", lib(pure, reads), "reads"},
		{"of a library that may re-export it", lib(pure, lib(lib(reads))), "reads"},
		{"of a macro it uses", lib(func() *builddir.Unit { m := *pure; m.Deps = []*builddir.Unit{lib(reads)}; return &m }()), ""},
		{"of its script", lib(run), ""},
	}
	for _, tt := range tests {
		m := NewMacros(nil, noSources)
		if got, _ := m.Impure(tt.u); got != tt.want {
			t.Errorf("%s: impure = %q; want %q", tt.name, got, tt.want)
		}
		if again, _ := m.Impure(tt.u); again != tt.want {
			t.Errorf("%s: impure asked again = %q", tt.name, again)
		}
	}
}

// What nobody has read is read, with all that it is made of.
func TestMacroIsRead(t *testing.T) {
	const src = "/h/.cargo/registry/src/index-1949cf8c6b5b557f/"
	texts := map[*builddir.Unit]string{}
	of := func(pkg, kind, text string, deps ...*builddir.Unit) *builddir.Unit {
		u := builtFrom(pkg, src+pkg+"-1.0.229/src/lib.rs")
		u.Kind, u.Deps = kind, deps
		texts[u] = text
		return u
	}
	sources := func(u *builddir.Unit) ([]rustsrc.Source, error) {
		return []rustsrc.Source{{Name: "lib.rs", Text: []byte(texts[u])}}, nil
	}
	spans := `impl Span { pub fn file(&self) { self.0.file() } }`
	serde := of("serde_derive", builddir.KindMacro, "std::fs::read(x)")
	other := of("other", builddir.KindMacro, "")
	for _, tt := range []struct {
		name string
		u    *builddir.Unit
		want rustsrc.Reach
	}{
		{"nothing", of("m", builddir.KindMacro, ""), rustsrc.Reach{}},
		{"files", of("m", builddir.KindMacro, "std::fs::read(x)"), rustsrc.Reach{Files: "fs"}},
		{"of a library's library", of("m", builddir.KindMacro, "", of("a", "lib", "", of("b", "lib", `std::env::var("A")`))), rustsrc.Reach{Variables: []string{"A"}}},
		{"of its script", of("m", builddir.KindMacro, "", &builddir.Unit{UnitName: builddir.UnitName{Kind: builddir.KindRun}, Run: true}), rustsrc.Reach{}},
		{"made with a known macro", of("m", builddir.KindMacro, "", serde), rustsrc.Reach{}},
		{"made with a known macro, of a text", of("m", builddir.KindMacro, `#[serde(with = "std::fs")] x`, serde), rustsrc.Reach{Files: "fs"}},
		{"made with another macro", of("m", builddir.KindMacro, "", other), rustsrc.Reach{Any: "code by macro other"}},
		{"a library made with another macro", of("m", builddir.KindMacro, "", of("a", "lib", "", other)), rustsrc.Reach{Any: "code by macro other"}},
		{"a unit that is not there", of("m", builddir.KindMacro, "", nil), rustsrc.Unread},
		{"what hands spans on", of("m", builddir.KindMacro, "", of("proc-macro2", "lib", spans)), rustsrc.Reach{}},
		{"what is like that", of("m", builddir.KindMacro, "", of("proc-macro3", "lib", spans)), rustsrc.Reach{Files: "file()"}},
	} {
		if got := NewMacros(nil, sources).Of(tt.u); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
