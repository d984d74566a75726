package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	toml "github.com/pelletier/go-toml/v2"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// family is published together, and written by the same people; here its sources
// are members of one workspace.
var family = []string{
	"anstream", "anstyle", "anstyle-parse", "anstyle-query", "clap", "clap_builder", "clap_derive", "clap_lex", "colorchoice",
}

// published lays out a workspace of the family and a program that uses all of it,
// with the versions that the demo project has locked.
func (w *world) published(root string) {
	w.T.Helper()
	ctx := w.T.Context()
	demo := w.Path("demo")
	if err := project.Fetch(ctx, project.Demo, demo); err != nil {
		w.T.Fatal(err)
	}
	if _, err := project.Run(ctx, demo, project.Env(), "cargo", "fetch", "--locked", "--quiet"); err != nil {
		w.T.Fatal(err)
	}
	var metadata struct {
		Packages []struct {
			Name     string
			Manifest string `json:"manifest_path"`
		}
	}
	if err := json.Unmarshal([]byte(w.Must("demo", nil, "cargo", "metadata", "--format-version=1", "--locked", "--offline").Stdout), &metadata); err != nil {
		w.T.Fatal(err)
	}
	members, patch := []string{"app"}, map[string]any{}
	for _, p := range metadata.Packages {
		if slices.Contains(family, p.Name) {
			dir := w.Path(root + "/" + p.Name)
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(p.Manifest))); err != nil {
				w.T.Fatal(err)
			}
			w.library(dir)
			members = append(members, p.Name)
			patch[p.Name] = map[string]any{"path": p.Name}
		}
	}
	if len(patch) != len(family) {
		w.T.Fatalf("the demo project uses %v of %v", slices.Sorted(maps.Keys(patch)), family)
	}
	w.manifest(w.Path(root+"/Cargo.toml"), map[string]any{
		"workspace": map[string]any{"resolver": "2", "members": members},
		"patch":     map[string]any{"crates-io": patch},
	})
	w.Write(root+"/.gitignore", "target\n")
	w.Write(root+"/Cargo.lock", w.Read("demo/Cargo.lock"))
	w.Write(root+"/app/Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nclap = { version = \"*\", features = [\"derive\"] }\n")
	w.Write(root+"/app/src/main.rs", `use clap::{CommandFactory, Parser};
#[derive(Parser)]
#[command(version)]
struct Cli { #[arg(long, default_value_t = 3)] count: u32 }
fn main() {
    println!("{} {} {}", Cli::parse().count, Cli::command().render_version().trim(), file!());
    print!("{}", Cli::command().render_help());
}
`)
	// Of members all optional dependencies are locked, too.
	for _, command := range []string{"update --workspace", "fetch --locked"} {
		if _, err := project.Run(ctx, w.Path(root), project.Env(), "cargo", append(strings.Fields(command), "--quiet")...); err != nil {
			w.T.Fatal(err)
		}
	}
}

// library makes a published package a member that has no tests: they would need
// packages that the demo project does not.
func (w *world) library(dir string) {
	w.T.Helper()
	b, err := os.ReadFile(dir + "/Cargo.toml")
	if err != nil {
		w.T.Fatal(err)
	}
	var m map[string]any
	if err := toml.Unmarshal(b, &m); err != nil {
		w.T.Fatal(err)
	}
	for _, key := range []string{"dev-dependencies", "test", "bench", "example", "bin"} {
		delete(m, key)
	}
	p := m["package"].(map[string]any)
	for _, key := range []string{"autotests", "autobenches", "autoexamples", "autobins"} {
		p[key] = false
	}
	w.manifest(dir+"/Cargo.toml", m)
}

func (w *world) manifest(path string, content map[string]any) {
	w.T.Helper()
	b, err := toml.Marshal(content)
	if err == nil {
		err = os.WriteFile(path, b, 0o666)
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

// In a workspace of nine published members the first edit of a library in a worktree
// reuses what the same edit reuses at the origin, for all that depends on it.
func TestPublishedWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.published("a")
	w.commit("a")
	w.seal("a", nil)
	w.restoredWorktree("a", "b")
	const function = "pub fn render_version(&self) -> String {\n        self._render_version(false)"
	home := w.sameReuse(func(root string) {
		w.Edit(root+"/clap_builder/src/builder/command.rs", function, strings.Replace(function, "self.", "String::from(\"edited \") + &self.", 1))
	}, "clap_builder", "clap", "app")
	if home["clap_builder"].share() < 0.9 {
		t.Errorf("the origin itself reuses %v: this shows nothing", home)
	}
}

// The same in the workspace that the other benchmarks and the documentation use,
// whose crates are small.
func TestSmallWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := project.Workspace(t.Context(), w.Path("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := project.Run(t.Context(), w.Path("a"), project.Env(), "cargo", "fetch", "--locked", "--quiet"); err != nil {
		t.Fatal(err)
	}
	w.seal("a", nil)
	w.restoredWorktree("a", "b")
	w.sameReuse(func(root string) { w.Edit(root+"/units/src/lib.rs", "feet * 0.3048", "feet * 0.3048 + 1.0") }, "units", "model", "app")
}

// sameReuse makes an edit at the origin, a, and in the worktree, b, and returns what
// was reused at the origin, by crate; in the worktree it must be as much. These crates
// are among those compiled.
func (w *world) sameReuse(edit func(root string), crates ...string) map[string]reuse {
	w.T.Helper()
	before := w.Must("a", nil, w.Path("a/target/debug/app")).Stdout
	edit("a")
	home, _ := w.built("a", nil, "debug", "build")
	edit("b")
	away, r := w.built("b", w.with(), "debug", "build")
	w.T.Logf("origin %v, place %v", home, away)
	var here, there reuse
	for crate, h := range home {
		here.add(away[crate])
		there.add(h)
	}
	if here.all != there.all || here.old*100 < there.old*95 || there.old == 0 {
		w.T.Errorf("reused %v in the place, %v at the origin", here, there)
	}
	for _, crate := range crates {
		if !slices.Contains(w.taken("b/target"), crate) {
			w.T.Errorf("%s was not compiled at the origin's path:\n%s", crate, r.Stderr)
		}
	}
	got := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout
	if want := w.clean("b", nil); got != want {
		w.T.Errorf("the program prints\n%s\nthat of a clean build\n%s", got, want)
	}
	if got == before {
		w.T.Error("the edit makes no difference to the program")
	}
	return home
}
