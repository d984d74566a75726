package inputs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// treePlace is a checkout of two packages, member inside root, with links.
func treePlace(t *testing.T) *checkout.Checkout {
	t.Helper()
	dir := cargotest.RealTempDir(t)
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
	return &checkout.Checkout{Workspace: &project.Workspace{
		Root: dir + "/ws", TargetDir: dir + "/ws/target", BuildDir: dir + "/ws/target",
		Packages: []project.Package{{Name: "root", Root: dir + "/ws"}, {Name: "member", Root: dir + "/ws/member"}},
	}}
}

func pathsOf(entries []manifest.TreeEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, string(e.Path))
	}
	return strings.Join(all, " ")
}

func TestTree(t *testing.T) {
	co := treePlace(t)
	tests := []struct{ name, loc, scope, want string }{
		{"package", "w:", manifest.ScopePackage, ".env Cargo.toml README.md proto proto/a.proto proto/deep proto/deep/b.proto src src/lib.rs"},
		// What a link leads to counts once, and only inside the checkout.
		{"package with links", "w:member", manifest.ScopePackage, ".hidden Cargo.toml again again/a.proto again/deep again/deep/b.proto " +
			"dangling data data/sub data/sub/y.txt data/x.txt file linked out self up"},
		{"watched", "w:member/data", manifest.ScopeWatch, "sub sub/y.txt x.txt"},
		{"watched with a slash", "w:member/data/", manifest.ScopeWatch, "sub sub/y.txt x.txt"},
		{"watched from here", "w:member/./data", manifest.ScopeWatch, "sub sub/y.txt x.txt"},
		{"watched beside", "w:member/../proto", manifest.ScopeWatch, "a.proto deep deep/b.proto"},
		{"watched by a link", "w:member/linked", manifest.ScopeWatch, "a.proto deep deep/b.proto"},
		{"watched by a link and back", "w:member/linked/../member/data", manifest.ScopeWatch, "sub sub/y.txt x.txt"},
		{"watched outside", "w:member/out", manifest.ScopeWatch, "z.txt"},
	}
	for _, tt := range tests {
		r := NewTreeReader(co, NewDigester(), rule.Settings{})
		loc, err := rooted.Parse(tt.loc)
		if err != nil {
			t.Fatal(err)
		}
		got, newest, err := r.Read(loc, tt.scope)
		if err != nil || pathsOf(got) != tt.want || newest.Changed == 0 {
			t.Errorf("%s: read %s, %v; want %s", tt.name, pathsOf(got), err, tt.want)
		}
		if again, _, _ := r.Read(loc, tt.scope); pathsOf(again) != tt.want {
			t.Errorf("%s: read again %s", tt.name, pathsOf(again))
		}
	}
	if _, _, err := NewTreeReader(co, NewDigester(), rule.Settings{}).Read(rooted.Path{Root: rooted.Workspace, Rel: "none"}, manifest.ScopeWatch); err == nil {
		t.Error("a tree that is not there was read")
	}
	if _, _, err := NewTreeReader(co, NewDigester(), rule.Settings{}).Read(rooted.Path{Root: rooted.GitDir, Rel: "x"}, manifest.ScopeWatch); err == nil {
		t.Error("a tree that has no counterpart was read")
	}
	got, _, err := NewTreeReader(co, NewDigester(), rule.Settings{Ignore: []string{"*.proto", "src/lib.rs"}}).Read(rooted.Path{Root: rooted.Workspace}, manifest.ScopePackage)
	if want := ".env Cargo.toml README.md proto proto/deep src"; err != nil || pathsOf(got) != want {
		t.Errorf("with ignored globs: %s, %v; want %s", pathsOf(got), err, want)
	}
}

func TestTreeBeside(t *testing.T) {
	co := treePlace(t)
	co.Workspace.Packages = co.Workspace.Packages[1:] // a workspace without a root package
	read := func() string {
		t.Helper()
		got, _, err := NewTreeReader(co, NewDigester(), rule.Settings{}).Read(rooted.Path{Root: rooted.Workspace}, manifest.ScopeBeside)
		if err != nil {
			t.Fatal(err)
		}
		return pathsOf(got)
	}
	if got, want := read(), ".env proto/a.proto proto/deep/b.proto src/lib.rs"; got != want {
		t.Errorf("without git: %s; want %s", got, want)
	}
	co.Files = func() ([]string, error) {
		return []string{"Cargo.toml", "README.md", ".github/ci.yml", "gone", "member/data/x.txt", "proto/a.proto"}, nil
	}
	if got, want := read(), ".env proto/a.proto"; got != want {
		t.Errorf("with git: %s; want %s", got, want)
	}
}

// A package that holds others hides nothing of its directory from them but what
// Cargo compiles.
func TestTreeBesideInPackage(t *testing.T) {
	co := treePlace(t)
	cargotest.Write(t, co.Workspace.Root, map[string]string{"src/schema.sql": "", "shared/x.rs": "", "build.rs": "", "Cargo.lock": "", "member/src/lib.rs": "", "member/inner/Cargo.toml": ""})
	inner := project.Package{Name: "inner", Root: co.Workspace.Root + "/member/inner"}
	co.Workspace.Packages = append(co.Workspace.Packages, inner)
	read := func(loc string) string {
		t.Helper()
		got, _, err := NewTreeReader(co, NewDigester(), rule.Settings{}).Read(rooted.Path{Root: rooted.Workspace, Rel: loc}, manifest.ScopeBeside)
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
		co.Files = func() ([]string, error) {
			return strings.Fields("Cargo.lock Cargo.toml README.md build.rs proto/a.proto proto/deep/b.proto shared/x.rs src/lib.rs src/schema.sql " +
				"member/.hidden member/Cargo.toml member/again member/dangling member/data/sub/y.txt member/data/x.txt member/file member/linked member/out member/self member/up " +
				"member/inner/Cargo.toml member/src/lib.rs"), nil
		}
	}
}

// What git lists of a submodule that has not arrived is its directory.
func TestTreeBesideSubmodule(t *testing.T) {
	co := treePlace(t)
	co.Workspace.Packages = co.Workspace.Packages[1:]
	cargotest.Write(t, co.Workspace.Root, map[string]string{"left/over.txt": "", "there/.git": "gitdir: x", "there/x.c": ""})
	if err := os.MkdirAll(co.Workspace.Root+"/empty", 0o777); err != nil {
		t.Fatal(err)
	}
	co.Files = func() ([]string, error) { return strings.Fields("clone/ empty left proto/a.proto there/x.c"), nil }
	got, _, err := NewTreeReader(co, NewDigester(), rule.Settings{}).Read(rooted.Path{Root: rooted.Workspace}, manifest.ScopeBeside)
	if want := ".env empty left left/over.txt proto/a.proto there/x.c"; err != nil || pathsOf(got) != want {
		t.Errorf("%s, %v; want %s", pathsOf(got), err, want)
	}
}

// A directory that is named is what git lists of it, or all of it.
func TestTreeNamed(t *testing.T) {
	co := treePlace(t)
	read := func(loc string) string {
		t.Helper()
		got, _, err := NewTreeReader(co, NewDigester(), rule.Settings{}).Read(rooted.Path{Root: rooted.Workspace, Rel: loc}, manifest.ScopeNamed)
		if err != nil {
			t.Fatal(err)
		}
		return pathsOf(got)
	}
	if got, want := read("member/data"), "sub sub/y.txt x.txt"; got != want {
		t.Errorf("without git: %s; want %s", got, want)
	}
	co.Files = func() ([]string, error) {
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
	co := treePlace(t)
	co.Files = func() ([]string, error) { return []string{"member/Cargo.toml", "member/data/x.txt"}, nil }
	got, _, err := NewTreeReader(co, NewDigester(), rule.Settings{}).Read(rooted.Path{Root: rooted.Workspace, Rel: "member/data"}, manifest.ScopePackage)
	if err != nil {
		t.Fatal(err)
	}
	want := map[paths.Path]bool{"sub": false, "sub/y.txt": true, "x.txt": false}
	for _, e := range got {
		if e.Ignored != want[e.Path] {
			t.Errorf("%s: ignored = %v", e.Path, e.Ignored)
		}
	}
}
