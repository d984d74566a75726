package cargo

import (
	"os"
	"reflect"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// builtFrom is a compiled unit of pkg whose first source is root.
func builtFrom(pkg, root string) *built {
	u := &built{unitDir: unitDir{pkg: pkg}, info: &depinfo.Info{}, rustc: &depfile.File{Deps: []string{root}}}
	u.classify("/h/.cargo")
	return u
}

// pure reports whether a macro is, of which no source is there.
func pure(u *built, extra []MacroRange) bool {
	return newMacroUse(extra, noSources).reach(u).Pure()
}

func noSources(*built) ([]rustsrc.Source, error) { return nil, os.ErrNotExist }

func TestIsPure(t *testing.T) {
	const src = "/h/.cargo/registry/src/index-1949cf8c6b5b557f/"
	extra := []MacroRange{{Name: "mine", From: "1.2.0", Below: "1.4.0"}, {Name: "any"}}
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
	for _, source := range []string{SourcePath, SourceGit, SourceVendored, SourceUnknown} {
		u := builtFrom("serde_derive", src+"serde_derive-1.0.228/src/lib.rs")
		if u.source = source; pure(u, nil) {
			t.Errorf("a macro whose source is %s is held to be what was read", source)
		}
	}
}

func TestImpure(t *testing.T) {
	const src = "/h/.cargo/registry/src/index-1949cf8c6b5b557f/"
	macro := func(name, dir string) *built {
		u := builtFrom(name, src+dir+"/src/lib.rs")
		u.Kind = kindMacro
		return u
	}
	pure := macro("serde_derive", "serde_derive-1.0.228")
	reads := macro("reads", "reads-1.0.0")
	lib := func(deps ...*built) *built { return &built{UnitName: UnitName{Kind: "lib"}, deps: deps} }
	script := &built{unitDir: unitDir{pkg: "p"}, UnitName: UnitName{Kind: kindScript}, deps: []*built{lib(reads)}}
	run := &built{UnitName: UnitName{Kind: kindRun}, run: true, deps: []*built{script}}
	tests := []struct {
		name string
		u    *built
		want string
	}{
		{"none", lib(lib()), ""},
		{"pure", lib(pure), ""},
		{"its own", lib(pure, reads), "reads"},
		{"of a library that may re-export it", lib(pure, lib(lib(reads))), "reads"},
		{"of a macro it uses", lib(func() *built { m := *pure; m.deps = []*built{lib(reads)}; return &m }()), ""},
		{"of its script", lib(run), ""},
	}
	for _, tt := range tests {
		m := newMacroUse(nil, noSources)
		if got, _ := m.impure(tt.u); got != tt.want {
			t.Errorf("%s: impure = %q; want %q", tt.name, got, tt.want)
		}
		if again, _ := m.impure(tt.u); again != tt.want {
			t.Errorf("%s: impure asked again = %q", tt.name, again)
		}
	}
}

// What nobody has read is read, with all that it is made of.
func TestMacroIsRead(t *testing.T) {
	const src = "/h/.cargo/registry/src/index-1949cf8c6b5b557f/"
	texts := map[*built]string{}
	of := func(pkg, kind, text string, deps ...*built) *built {
		u := builtFrom(pkg, src+pkg+"-1.0.229/src/lib.rs")
		u.Kind, u.deps = kind, deps
		texts[u] = text
		return u
	}
	sources := func(u *built) ([]rustsrc.Source, error) {
		return []rustsrc.Source{{Name: "lib.rs", Text: []byte(texts[u])}}, nil
	}
	spans := `impl Span { pub fn file(&self) { self.0.file() } }`
	serde := of("serde_derive", kindMacro, "std::fs::read(x)")
	other := of("other", kindMacro, "")
	for _, tt := range []struct {
		name string
		u    *built
		want rustsrc.Reach
	}{
		{"nothing", of("m", kindMacro, ""), rustsrc.Reach{}},
		{"files", of("m", kindMacro, "std::fs::read(x)"), rustsrc.Reach{Files: "fs"}},
		{"of a library's library", of("m", kindMacro, "", of("a", "lib", "", of("b", "lib", `std::env::var("A")`))), rustsrc.Reach{Variables: []string{"A"}}},
		{"of its script", of("m", kindMacro, "", &built{UnitName: UnitName{Kind: kindRun}, run: true}), rustsrc.Reach{}},
		{"made with a known macro", of("m", kindMacro, "", serde), rustsrc.Reach{}},
		{"made with a known macro, of a text", of("m", kindMacro, `#[serde(with = "std::fs")] x`, serde), rustsrc.Reach{Files: "fs"}},
		{"made with another macro", of("m", kindMacro, "", other), rustsrc.Reach{Any: "code by macro other"}},
		{"a library made with another macro", of("m", kindMacro, "", of("a", "lib", "", other)), rustsrc.Reach{Any: "code by macro other"}},
		{"a unit that is not there", of("m", kindMacro, "", nil), rustsrc.Unread},
		{"what hands spans on", of("m", kindMacro, "", of("proc-macro2", "lib", spans)), rustsrc.Reach{}},
		{"what is like that", of("m", kindMacro, "", of("proc-macro3", "lib", spans)), rustsrc.Reach{Files: "file()"}},
	} {
		if got := newMacroUse(nil, sources).reach(tt.u); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
