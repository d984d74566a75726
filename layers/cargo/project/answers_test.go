package project_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/internal/cargotest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project/projecttest"
)

// Whatever changed, a kept answer is the one that would be given now.
func TestAskMemo(t *testing.T) {
	for _, tt := range projecttest.Changes {
		t.Run(tt.Name, func(t *testing.T) {
			dir := cargotest.RealTempDir(t)
			s := projecttest.New(t, dir)
			if _, asked := s.Ask(t); !asked {
				t.Fatal("the first time nobody was asked")
			}
			tt.Change(t, dir, s)
			got, asked := s.Ask(t)
			if asked != tt.Ask {
				t.Errorf("asked = %v, want %v", asked, tt.Ask)
			}
			s.Tool.Memo = ""
			want, _ := s.Ask(t)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("kept answer %+v, %+v; now %+v, %+v", got.Workspace, got.Toolchain, want.Workspace, want.Toolchain)
			}
		})
	}
}

// One answer serves every checkout with the same manifests.
func TestAskMemoServesWorktree(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	s := projecttest.New(t, dir)
	s.Ask(t)
	if err := os.CopyFS(dir+"/other", os.DirFS(dir+"/ws")); err != nil {
		t.Fatal(err)
	}
	s.Tool.Dir = dir + "/other"
	got, asked := s.Ask(t)
	if asked {
		t.Error("the copy was asked about again")
	}
	if got.Workspace.Root != dir+"/other" || got.Workspace.BuildDir != dir+"/other/target" || len(got.Workspace.Packages) != 2 ||
		got.Workspace.Packages[0].Root != filepath.Join(dir, "other/crates/a") {
		t.Errorf("the copy is %+v", got.Workspace)
	}
}

// What the toolchain is, one project was told for all: of another one only its packages are asked.
func TestAskMemoKnowsToolchain(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	s := projecttest.New(t, dir)
	want, _ := s.Ask(t)
	other := func(name string) *projecttest.Project {
		at := filepath.Join(dir, name)
		cargotest.Write(t, at, map[string]string{"src/lib.rs": "", "Cargo.toml": "[package]\nname = \"" + name + "\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"})
		cargotest.Run(t, at, "", nil, "generate-lockfile", "--offline")
		o := projecttest.At(dir)
		o.Tool.Dir, o.Calls = at, s.Calls
		return o
	}
	calls := func(o *projecttest.Project) string {
		got, asked := o.Ask(t)
		if !asked || *got.Toolchain != *want.Toolchain {
			t.Errorf("asked: %v; the toolchain is %+v, want %+v", asked, got.Toolchain, want.Toolchain)
		}
		text, err := os.ReadFile(s.Calls)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if said := calls(other("one")); said != "metadata\n" {
		t.Errorf("cargo was called for %q", said)
	}
	// Whatever decides which toolchain it is may make it another one.
	two := other("two")
	two.Tool.Environ = append(two.Tool.Environ, "RUSTUP_TOOLCHAIN_UNKNOWN=1")
	if said := calls(two); len(said) != len("metadata\n-V\n") {
		t.Errorf("cargo was called for %q", said)
	}
}

// What was asked in the origin of a package serves its new worktrees: there is nothing built
// there yet, and .git is a file.
func TestAskMemoServesNewWorktree(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	s := projecttest.New(t, dir)
	for _, to := range []string{dir + "/origin", dir + "/new"} {
		cargotest.Write(t, to, map[string]string{"src/lib.rs": "", "Cargo.toml": "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"})
		cargotest.Run(t, to, "", nil, "generate-lockfile", "--offline")
	}
	cargotest.Write(t, dir+"/origin", map[string]string{".git/HEAD": "", "target/debug/one": "", "target.cargo-cow-undo/x": ""})
	cargotest.Write(t, dir+"/new", map[string]string{".git": "gitdir: elsewhere\n"})
	s.Tool.Dir = dir + "/origin"
	want, asked := s.Ask(t)
	if !asked {
		t.Fatal("the first time nobody was asked")
	}
	s.Tool.Dir = dir + "/new"
	got, asked := s.Ask(t)
	if asked {
		t.Error("the new worktree was asked about again")
	}
	if len(got.Workspace.Packages) != 1 || got.Workspace.Packages[0].Metadata != want.Workspace.Packages[0].Metadata {
		t.Errorf("the new worktree is %+v, the origin %+v", got.Workspace, want.Workspace)
	}
	// A script that cargo finds by its name is another matter.
	cargotest.Write(t, dir+"/new", map[string]string{"build.rs": "fn main() {}\n"})
	if _, asked := s.Ask(t); !asked {
		t.Error("with a build script the same answer was given")
	}
}

// A build directory that is named by its path is where it is, also to another checkout; one inside
// each checkout is at the same place in all.
func TestAskMemoBuildDirectoryByPath(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	s := projecttest.New(t, dir)
	environ := s.Tool.Environ
	in := func(root, target string) (buildDir string, asked bool) {
		s.Tool.Dir, s.Tool.Environ = dir+root, append(slices.Clone(environ), "CARGO_TARGET_DIR="+dir+target)
		got, asked := s.Ask(t)
		return got.Workspace.BuildDir, asked
	}
	in("/ws", "/ws/out")
	if err := os.CopyFS(dir+"/other", os.DirFS(dir+"/ws")); err != nil {
		t.Fatal(err)
	}
	if got, _ := in("/other", "/ws/out"); got != dir+"/ws/out" {
		t.Errorf("of the other checkout's it is said to be %s", got)
	}
	if got, asked := in("/other", "/other/out"); got != dir+"/other/out" || asked {
		t.Errorf("it is %s, asked again: %v", got, asked)
	}
}

// As many worktrees as work at once have an answer each, though each lists other sources.
func TestAskMemoServesManyWorktrees(t *testing.T) {
	dir := cargotest.RealTempDir(t)
	s := projecttest.New(t, dir)
	const worktrees = 20
	at := func(n int) string { return fmt.Sprintf("%s/tree-%d", dir, n) }
	for n := range worktrees {
		if err := os.CopyFS(at(n), os.DirFS(dir+"/ws")); err != nil {
			t.Fatal(err)
		}
		cargotest.Write(t, at(n), map[string]string{fmt.Sprintf("crates/a/src/m%d.rs", n): ""})
	}
	for _, first := range []bool{true, false} {
		for n := range worktrees {
			s.Tool.Dir = at(n)
			if _, asked := s.Ask(t); asked != first {
				t.Errorf("worktree %d, for the first time: %t: asked %t", n, first, asked)
			}
		}
	}
}
