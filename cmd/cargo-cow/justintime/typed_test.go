package justintime

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// Nothing is typed but what one types anyway: where the origin is built, each new checkout is warm for the same commands,
// and what is built in one is found in the next.
func TestNothingTyped(t *testing.T) {
	eachSetting(t, bothLayouts, func(t *testing.T, env ...string) {
		nothingTyped(t, newAutomatic(t, append(slices.Clone(env), "CARGO_COW_WAREHOUSE=off")...))
	})
}

// XFS has no trees that are made in constant time, but files share their data: all of this holds there, and no byte is
// copied.
func TestNothingTypedOnXFS(t *testing.T) {
	w := newAutomaticOn(t, loopfs.XFS, "CARGO_COW_WAREHOUSE=off")
	nothingTyped(t, w)
	c := w.origin.Worktree("shares")
	ran(c, "build", "--workspace")
	use, err := reflink.TreeUsage(t.Context(), c.Target())
	if err != nil || use.Exclusive > use.Shared/20 {
		t.Errorf("%d bytes are shared, and %d are not (%v)", use.Shared, use.Exclusive, err)
	}
	cleanMeansClean(t, newAutomaticOn(t, loopfs.XFS, "CARGO_COW_WAREHOUSE=off"))
}

func nothingTyped(t *testing.T, w *world) {
	t.Helper()
	for _, args := range everyBuild {
		w.origin.Must("cargo", args...)
	}
	if !isTree(t, w.origin.Target()) {
		t.Error("the origin's build directory is no tree")
	}
	number := 0
	try := func(way string, args ...string) *fixture.Checkout {
		number++
		c := w.At(fmt.Sprint("place", number))
		ways[way](w, c)
		if got := ran(c, args...); len(got) > 0 || !isRestored(c) {
			t.Errorf("%s, cargo %q: built %q, restored: %v", way, args, got, isRestored(c))
		}
		wantNothingLeft(c)
		return c
	}
	for _, way := range []string{"git worktree add", "git clone", "a copy without git", "git worktree add --no-checkout"} {
		for _, args := range everyBuild[:min(len(everyBuild), 2)] {
			try(way, args...)
		}
	}
	try("git worktree add", everyBuild[2]...)
	last := try("git clone", everyBuild[3]...)
	if n := len(w.layers()); n != 1 {
		t.Errorf("%d layers of one state", n)
	}

	last.Edit("lib/src/lib.rs", `"lib"`, `"new"`)
	last.Commit("new")
	last.Must("cargo", "build", "--workspace")
	c := w.At("after")
	last.Must("git", "clone", "--quiet", last.Dir, c.Dir)
	if got := ran(c, "build", "--workspace"); len(got) > 0 {
		t.Errorf("after an edit elsewhere: built %q", got)
	}
	if said := c.Says(c.Target("debug/app")); said != "new outside" {
		t.Errorf("it says %q", said)
	}
	w.origin.Cow("check", "--deep")
}

// Cargo clean means clean, in a worktree and in a copy without git, and at the same path made anew as well. What is
// built then begins as a tree.
func TestCleanMeansClean(t *testing.T) { eachCargo(t, oneInstalled, cleanMeansClean) }

func cleanMeansClean(t *testing.T, w *world) {
	t.Helper()
	w.origin.Must("cargo", "build", "--workspace")
	for _, way := range []string{"git worktree add", "a copy without git"} {
		c := w.At("place")
		for round := range 2 {
			ways[way](w, c)
			if got := ran(c, "build", "--workspace"); len(got) > 0 {
				t.Errorf("%s, %d: built %q", way, round, got)
			}
			c.Must("cargo", "clean")
			if got := ran(c, "build", "--workspace"); len(got) < 3 || !isTree(t, c.Target()) {
				t.Errorf("%s, %d: after cargo clean built %q", way, round, got)
			}
			if way == "git worktree add" {
				w.origin.Must("git", "worktree", "remove", "--force", c.Dir)
			} else {
				c.Must("rm", "-rf", c.Dir)
			}
		}
	}
}

// What is done by itself is told, and so is why nothing was.
func TestAccount(t *testing.T) {
	eachCargo(t, oneInstalled, func(t *testing.T, w *world) {
		w.origin.Must("cargo", "build", "--workspace")
		if a := account(w.origin); a["why"] == nil || a["restored"] != nil {
			t.Errorf("of the first: %v", a)
		}
		c := w.origin.Worktree("place")
		ran(c, "build", "--workspace")
		if a := account(c); a["restored"] == nil || a["sealed"] != a["restored"] || a["of"] != w.origin.Dir {
			t.Errorf("of the second: %v", a)
		}
		d := w.origin.Worktree("third")
		ran(d, "build", "--workspace")
		if a := account(d); a["restored"] == nil || a["sealed"] != nil {
			t.Errorf("of the third: %v", a)
		}
	})
}

// newcomer is a project that depends on serde and serde_json.
func (w *world) newcomer(name, code string) *fixture.Checkout {
	w.T.Helper()
	c := w.At(name)
	c.Write("Cargo.toml", "[package]\nname = \""+name+"\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nserde = { version = \"=1.0.219\", features = [\"derive\"] }\nserde_json = \"=1.0.140\"\n")
	c.Write("src/main.rs", code)
	c.Write(".gitignore", "target\n")
	c.Must("cargo", "generate-lockfile", "--quiet")
	c.Must("cargo", "fetch", "--quiet")
	c.Repository()
	return c
}

// A new project has what another one has built of its dependencies, runs of build scripts included, though no command was
// typed in either.
func TestNewProject(t *testing.T) {
	fixture.EachCargo(t, oneNewest, func(t *testing.T, env ...string) {
		w := newAutomatic(t, append(env, "CARGO_COW_WAREHOUSE=off", "CARGO_NET_OFFLINE=false")...)
		begun := w.counted()
		one := w.newcomer("one", "fn main() { println!(\"{}\", serde_json::json!({\"one\": 1})) }\n")
		one.Must("cargo", "build")
		two := w.newcomer("two", "#[derive(serde::Serialize)] struct T { two: u8 }\nfn main() { println!(\"{}\", serde_json::to_string(&T { two: 2 }).unwrap()) }\n")
		before := begun()
		r := two.Run("cargo", "build", "-v", "--message-format=json")
		if r.Code != 0 {
			t.Fatal(r)
		}
		var built []string
		for _, m := range fixture.Messages(r.Stdout) {
			if m.Reason == "compiler-artifact" && !m.Fresh {
				built = append(built, m.Unit().String())
			}
		}
		if !slices.Equal(built, []string{"two/two/bin"}) || strings.Contains(r.Stderr, "build-script-build`") {
			t.Errorf("built %q; cargo said\n%s", built, r.Stderr)
		}
		if n := begun() - before; n != 1 {
			t.Errorf("%d restores were begun, as cargo was asked what it needs", n)
		}
		if said := two.Says(two.Target("debug/two")); said != `{"two":2}` {
			t.Errorf("it says %q", said)
		}
	})
}
