package soundness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// TestNestedWorktree: a worktree inside the origin, as coding agents make them,
// works like one beside it and leaves the origin's units alone.
func TestNestedWorktree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(btrfs(t), "w"))
	const macro = `use proc_macro::TokenStream;
#[proc_macro]
pub fn number(_: TokenStream) -> TokenStream { "7".parse().unwrap() }
`
	// The root package has the nested worktree in its tree; its macro and its
	// script have that tree as input.
	w.lay(txtar.Parse([]byte(`
-- a/Cargo.toml --
[package]
name = "app"
edition = "2024"
[workspace]
members = ["mac"]
[dependencies]
mac = { path = "mac" }
-- a/build.rs --
fn main() { println!("cargo::rerun-if-changed=build.rs"); }
-- a/src/main.rs --
fn main() { println!("{}", mac::number!()); }
-- a/mac/Cargo.toml --
[package]
name = "mac"
edition = "2024"
[lib]
proc-macro = true
-- a/mac/src/lib.rs --
`+macro)), "a", "a")
	w.commit()
	w.origin.Cow("init", "--hook")
	build := []string{"build", "--workspace"}
	w.origin.Build(build...)
	w.origin.Cow("snapshot")

	nested := w.origin.Worktree("a/.worktrees/x")
	checkPlan(t, nested, nil, build)
	checkRan(t, w.origin, nil, build)

	// A snapshot of the origin, taken with the nested worktree in it, serves a
	// checkout without one.
	w.Write("a/mac/src/lib.rs", strings.Replace(macro, "7", "8", 1))
	w.origin.Must("git", "commit", "--quiet", "--all", "--message=second") // not the worktree in it
	w.origin.Build(build...)
	w.origin.Cow("snapshot")
	w.origin.Worktree(w.checkout.Dir)
	checkPlan(t, w.checkout, nil, build)

	// And one of the nested worktree serves the origin's neighbours.
	w.Write("a/.worktrees/x/mac/src/lib.rs", strings.Replace(macro, "7", "9", 1))
	nested.Commit("third")
	nested.Build(build...)
	nested.Cow("snapshot")
	other := w.origin.Worktree("c", nested.Says("git", "rev-parse", "HEAD"))
	checkPlan(t, other, nil, build)
	if got := other.Runs("app", build...); got != "9" {
		t.Errorf("app prints %q", got)
	}
}

// TestRemovedByOthers: what users do to a target directory works on ours, and
// the next command copes with what it left.
func TestRemovedByOthers(t *testing.T) {
	t.Parallel()
	dir := btrfs(t)
	for _, tt := range []struct {
		name   string
		origin bool // done to the origin's target, not to a restored one
		remove []string
	}{
		{name: "cargo-clean", remove: []string{"cargo", "clean"}},
		{name: "cargo-clean-of-origin", origin: true, remove: []string{"cargo", "clean"}},
		{name: "git-clean", remove: []string{"git", "clean", "-xdf"}},
		{name: "git-clean-of-origin", origin: true, remove: []string{"git", "clean", "-xdf"}},
		{name: "rm-rf", remove: []string{"rm", "-rf", "target"}},
		{name: "rm-rf-of-origin", origin: true, remove: []string{"rm", "-rf", "target"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, filepath.Join(dir, tt.name))
			w.lay(txtar.Parse([]byte(appAndLib)), "a", "a")
			w.commit()
			w.origin.Cow("init", "--hook")
			w.origin.Build("build")
			w.origin.Cow("snapshot")
			w.origin.Worktree(w.checkout.Dir)

			p := w.checkout
			if tt.origin {
				p = w.origin
			}
			checkRan(t, p, nil, []string{"build"})
			p.Must(tt.remove[0], tt.remove[1:]...)
			if _, err := os.Stat(p.Path("target", "debug")); err == nil {
				t.Fatalf("%q left target/debug", tt.remove)
			}
			p.Cow("status")
			p.Cow("restore")
			checkPlan(t, p, nil, []string{"build"})

			// Without the restore cargo makes an ordinary directory; that can be
			// snapshot too.
			p.Must(tt.remove[0], tt.remove[1:]...)
			w.Write(filepath.Join(p.Name(), "liba/src/lib.rs"), "pub fn value() -> u32 { 3 }\n")
			p.Build("build")
			p.Cow("snapshot")
			if got := p.Runs("app", "build"); got != "liba=3" {
				t.Errorf("app prints %q", got)
			}
			checkClean(t, p)
		})
	}
}

// TestWorktreeRemove: git worktree remove takes a worktree with our target, and
// with a target kept for undo, and the layer it was restored from stays good.
func TestWorktreeRemove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, filepath.Join(btrfs(t), "w"))
	w.lay(txtar.Parse([]byte(appAndLib)), "a", "a")
	w.commit()
	w.origin.Cow("init", "--hook")
	w.origin.Build("build")
	w.origin.Cow("snapshot")
	for range 2 {
		w.origin.Worktree(w.checkout.Dir)
		checkPlan(t, w.checkout, nil, []string{"build"})
		w.checkout.Cow("restore")
		w.origin.Must("git", "worktree", "remove", w.checkout.Dir)
		if _, err := os.Stat(w.checkout.Dir); err == nil {
			t.Fatal("git worktree remove left the directory")
		}
		checkClean(t, w.origin)
	}
}

// checkClean asks cargo-cow itself whether the store is whole.
func checkClean(t *testing.T, p *fixture.Checkout) {
	t.Helper()
	for _, line := range p.Cow("check") {
		if line["reason"] == "check" && line["clean"] != true {
			t.Errorf("check: %v", line)
		}
	}
}
