package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
)

// treePlace is a checkout of two packages, member inside root, with links.
func treePlace(t *testing.T) *Place {
	t.Helper()
	dir := realTempDir(t)
	tag := "Signature: 8a477f597d28d172789f06886806bc55\n"
	cargotest.Write(t, dir, map[string]string{
		"ws/Cargo.toml": "", "ws/src/lib.rs": "", "ws/README.md": "", "ws/.env": "A=1", "ws/.notes.swp": "", "ws/.DS_Store": "",
		"ws/member/Cargo.toml": "", "ws/member/data/x.txt": "x", "ws/member/data/sub/y.txt": "y", "ws/member/.hidden": "",
		"ws/proto/a.proto": "a", "ws/proto/deep/b.proto": "b",
		"ws/target/CACHEDIR.TAG": tag, "ws/target/debug/x": "", "ws/cache/CACHEDIR.TAG": tag, "ws/cache/x": "",
		"ws/nested/.git": "gitdir: elsewhere", "ws/nested/x": "",
		"ws/.target.cargo-cow-undo/x": "",
		"outside/z.txt":               "z",
	})
	for link, to := range map[string]string{
		"ws/member/linked":   "../proto",
		"ws/member/again":    "../proto",
		"ws/member/up":       "..",
		"ws/member/self":     ".",
		"ws/member/file":     "data/x.txt",
		"ws/member/out":      "../../outside",
		"ws/member/dangling": "gone",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return &Place{Workspace: &Workspace{
		Root: dir + "/ws", TargetDir: dir + "/ws/target", BuildDir: dir + "/ws/target",
		Packages: []Package{{Name: "root", Root: dir + "/ws"}, {Name: "member", Root: dir + "/ws/member"}},
	}}
}

func pathsOf(entries []TreeEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, string(e.Path))
	}
	return strings.Join(all, " ")
}

func TestTree(t *testing.T) {
	p := treePlace(t)
	tests := []struct{ name, loc, scope, want string }{
		{"package", "w:", scopePackage, ".env Cargo.toml README.md proto proto/a.proto proto/deep proto/deep/b.proto src src/lib.rs"},
		// What a link leads to counts once, and only inside the checkout.
		{"package with links", "w:member", scopePackage, ".hidden Cargo.toml again again/a.proto again/deep again/deep/b.proto " +
			"dangling data data/sub data/sub/y.txt data/x.txt file linked out self up"},
		{"watched", "w:member/data", scopeWatch, "sub sub/y.txt x.txt"},
		{"watched with a slash", "w:member/data/", scopeWatch, "sub sub/y.txt x.txt"},
		{"watched from here", "w:member/./data", scopeWatch, "sub sub/y.txt x.txt"},
		{"watched beside", "w:member/../proto", scopeWatch, "a.proto deep deep/b.proto"},
		{"watched by a link", "w:member/linked", scopeWatch, "a.proto deep deep/b.proto"},
		{"watched by a link and back", "w:member/linked/../member/data", scopeWatch, "sub sub/y.txt x.txt"},
		{"watched outside", "w:member/out", scopeWatch, "z.txt"},
	}
	for _, tt := range tests {
		r := newTreeReader(p, newDigester(), Settings{})
		loc, err := ParseLoc(tt.loc)
		if err != nil {
			t.Fatal(err)
		}
		got, newest, err := r.read(loc, tt.scope)
		if err != nil || pathsOf(got) != tt.want || newest.changed == 0 {
			t.Errorf("%s: read %s, %v; want %s", tt.name, pathsOf(got), err, tt.want)
		}
		if again, _, _ := r.read(loc, tt.scope); pathsOf(again) != tt.want {
			t.Errorf("%s: read again %s", tt.name, pathsOf(again))
		}
	}
	if _, _, err := newTreeReader(p, newDigester(), Settings{}).read(Loc{BaseRoot, "none"}, scopeWatch); err == nil {
		t.Error("a tree that is not there was read")
	}
	if _, _, err := newTreeReader(p, newDigester(), Settings{}).read(Loc{BaseGit, "x"}, scopeWatch); err == nil {
		t.Error("a tree that has no counterpart was read")
	}
	got, _, err := newTreeReader(p, newDigester(), Settings{Ignore: []string{"*.proto", "src/lib.rs"}}).read(Loc{Base: BaseRoot}, scopePackage)
	if want := ".env Cargo.toml README.md proto proto/deep src"; err != nil || pathsOf(got) != want {
		t.Errorf("with ignored globs: %s, %v; want %s", pathsOf(got), err, want)
	}
}

func TestTreeBeside(t *testing.T) {
	p := treePlace(t)
	p.Workspace.Packages = p.Workspace.Packages[1:] // a workspace without a root package
	read := func() string {
		t.Helper()
		got, _, err := newTreeReader(p, newDigester(), Settings{}).read(Loc{Base: BaseRoot}, scopeBeside)
		if err != nil {
			t.Fatal(err)
		}
		return pathsOf(got)
	}
	if got, want := read(), ".env proto/a.proto proto/deep/b.proto src/lib.rs"; got != want {
		t.Errorf("without git: %s; want %s", got, want)
	}
	p.Files = func() ([]string, error) {
		return []string{"Cargo.toml", "README.md", ".github/ci.yml", "gone", "member/data/x.txt", "proto/a.proto"}, nil
	}
	if got, want := read(), ".env proto/a.proto"; got != want {
		t.Errorf("with git: %s; want %s", got, want)
	}
}

// A package that holds others hides nothing of its directory from them but what
// Cargo compiles.
func TestTreeBesideInPackage(t *testing.T) {
	p := treePlace(t)
	cargotest.Write(t, p.Workspace.Root, map[string]string{"src/schema.sql": "", "shared/x.rs": "", "build.rs": "", "Cargo.lock": "", "member/src/lib.rs": "", "member/inner/Cargo.toml": ""})
	inner := Package{Name: "inner", Root: p.Workspace.Root + "/member/inner"}
	p.Workspace.Packages = append(p.Workspace.Packages, inner)
	read := func(loc string) string {
		t.Helper()
		got, _, err := newTreeReader(p, newDigester(), Settings{}).read(Loc{BaseRoot, loc}, scopeBeside)
		if err != nil {
			t.Fatal(err)
		}
		return pathsOf(got)
	}
	for range 2 {
		if got, want := read(""), ".env proto/a.proto proto/deep/b.proto shared/x.rs src/schema.sql"; got != want {
			t.Errorf("root: %s; want %s", got, want)
		}
		if got, want := read("member"), ".hidden again dangling data/sub/y.txt data/x.txt file linked out self up"; got != want {
			t.Errorf("member: %s; want %s", got, want)
		}
		p.Files = func() ([]string, error) {
			return strings.Fields("Cargo.lock Cargo.toml README.md build.rs proto/a.proto proto/deep/b.proto shared/x.rs src/lib.rs src/schema.sql " +
				"member/.hidden member/Cargo.toml member/again member/dangling member/data/sub/y.txt member/data/x.txt member/file member/linked member/out member/self member/up " +
				"member/inner/Cargo.toml member/src/lib.rs"), nil
		}
	}
}

// What git lists of a submodule that has not arrived is its directory.
func TestTreeBesideSubmodule(t *testing.T) {
	p := treePlace(t)
	p.Workspace.Packages = p.Workspace.Packages[1:]
	cargotest.Write(t, p.Workspace.Root, map[string]string{"left/over.txt": "", "there/.git": "gitdir: x", "there/x.c": ""})
	if err := os.MkdirAll(p.Workspace.Root+"/empty", 0o777); err != nil {
		t.Fatal(err)
	}
	p.Files = func() ([]string, error) { return strings.Fields("clone/ empty left proto/a.proto there/x.c"), nil }
	got, _, err := newTreeReader(p, newDigester(), Settings{}).read(Loc{Base: BaseRoot}, scopeBeside)
	if want := ".env empty left left/over.txt proto/a.proto there/x.c"; err != nil || pathsOf(got) != want {
		t.Errorf("%s, %v; want %s", pathsOf(got), err, want)
	}
}

// A directory that is named is what git lists of it, or all of it.
func TestTreeNamed(t *testing.T) {
	p := treePlace(t)
	read := func(loc string) string {
		t.Helper()
		got, _, err := newTreeReader(p, newDigester(), Settings{}).read(Loc{BaseRoot, loc}, scopeNamed)
		if err != nil {
			t.Fatal(err)
		}
		return pathsOf(got)
	}
	if got, want := read("member/data"), "sub sub/y.txt x.txt"; got != want {
		t.Errorf("without git: %s; want %s", got, want)
	}
	p.Files = func() ([]string, error) {
		return strings.Fields("Cargo.toml README.md member/Cargo.toml member/data/x.txt proto/a.proto"), nil
	}
	if got, want := read("member"), "Cargo.toml data/x.txt"; got != want {
		t.Errorf("with git: %s; want %s", got, want)
	}
	if got, want := read("proto/deep"), "b.proto"; got != want {
		t.Errorf("ignored: %s; want %s", got, want)
	}
	if got, want := read(""), "member/Cargo.toml member/data/x.txt proto/a.proto"; got != want {
		t.Errorf("everything: %s; want %s", got, want)
	}
}

func TestTreeIgnored(t *testing.T) {
	p := treePlace(t)
	p.Files = func() ([]string, error) { return []string{"member/Cargo.toml", "member/data/x.txt"}, nil }
	got, _, err := newTreeReader(p, newDigester(), Settings{}).read(Loc{BaseRoot, "member/data"}, scopePackage)
	if err != nil {
		t.Fatal(err)
	}
	want := map[Path]bool{"sub": false, "sub/y.txt": true, "x.txt": false}
	for _, e := range got {
		if e.Ignored != want[e.Path] {
			t.Errorf("%s: ignored = %v", e.Path, e.Ignored)
		}
	}
}

func TestCompareTrees(t *testing.T) {
	file := func(path, value string) TreeEntry { return TreeEntry{Path: Path(path), Value: value} }
	hidden := func(path, value string) TreeEntry { return TreeEntry{Path: Path(path), Value: value, Ignored: true} }
	was := []TreeEntry{file("a", "1"), file("d", "/"), file("d/b", "2"), hidden("log", "3")}
	with := func(change func([]TreeEntry) []TreeEntry) []TreeEntry { return change(slices.Clone(was)) }
	tests := []struct {
		name          string
		have          []TreeEntry
		text, ignored string
	}{
		{"equal", with(func(e []TreeEntry) []TreeEntry { return e }), "", ""},
		{"empty", nil, "p/a is missing", "p/d is missing"},
		{"differs", with(func(e []TreeEntry) []TreeEntry { e[2].Value = "9"; return e }), "p/d/b differs", ""},
		{"first counts", with(func(e []TreeEntry) []TreeEntry { e[0].Value, e[2].Value = "9", "9"; return e }), "p/a differs", ""},
		{"missing", with(func(e []TreeEntry) []TreeEntry { return e[1:] }), "p/a is missing", ""},
		{"new at the end", with(func(e []TreeEntry) []TreeEntry { return append(e, file("z", "1")) }), "p/z is new", ""},
		{"new between", with(func(e []TreeEntry) []TreeEntry { return slices.Insert(e, 1, file("b", "1")) }), "p/b is new", ""},
		{"empty directory", with(func(e []TreeEntry) []TreeEntry { return append(e, file("z", "/")) }), "", "p/z is new"},
		{"ignored differs", with(func(e []TreeEntry) []TreeEntry { e[3].Value = "9"; return e }), "", "p/log differs"},
		{"ignored and now listed", with(func(e []TreeEntry) []TreeEntry { e[3] = file("log", "9"); return e }), "p/log differs", ""},
		{"only git's view differs", with(func(e []TreeEntry) []TreeEntry { e[3].Ignored = false; return e }), "", ""},
		{"both", with(func(e []TreeEntry) []TreeEntry { e[0].Value, e[3].Value = "9", "9"; return e }), "p/a differs", "p/log differs"},
		{"directory is a file", with(func(e []TreeEntry) []TreeEntry { e[1].Value = "1"; return e }), "", "p/d differs"},
	}
	for _, tt := range tests {
		d := new(diff)
		compareTrees(d, Tree{Loc: Loc{BaseRoot, "p"}, Entries: was}, tt.have)
		if d.text != tt.text || d.ignored != tt.ignored {
			t.Errorf("%s: %q and, ignored, %q; want %q and %q", tt.name, d.text, d.ignored, tt.text, tt.ignored)
		}
	}
}
