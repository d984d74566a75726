package justintime

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// everyBuild is what the origin has built.
var everyBuild = [][]string{{"build", "--workspace"}, {"check", "--workspace", "--all-targets"}, {"test", "--workspace", "--no-run"}, {"build", "--release"}}

// ways are ways to make a checkout.
var ways = map[string]func(w *world, c *fixture.Checkout){
	"git worktree add": func(w *world, c *fixture.Checkout) {
		w.origin.Must("git", "worktree", "add", "--quiet", "--detach", c.Dir)
	},
	"git worktree add --no-checkout": func(w *world, c *fixture.Checkout) {
		w.origin.Must("git", "worktree", "add", "--quiet", "--detach", "--no-checkout", c.Dir)
		c.Must("git", "checkout", "--quiet", "HEAD")
	},
	"git clone": func(w *world, c *fixture.Checkout) { w.origin.Must("git", "clone", "--quiet", w.origin.Dir, c.Dir) },
	// What git's directory notes of build directories comes along, and is of another one.
	"a copy with git": func(w *world, c *fixture.Checkout) {
		w.origin.Must("sh", "-c", `cp -a . "$0" && rm -rf "$0/target"`, c.Dir)
	},
	"a copy without git": func(w *world, c *fixture.Checkout) {
		w.origin.Must("sh", "-c", `mkdir "$0" && git archive HEAD | tar -x -C "$0"`, c.Dir)
	},
}

// A checkout without a build directory is warm at its first cargo command, however it was made and whatever the command:
// no other command was typed.
func TestFirstCommand(t *testing.T) {
	eachSetting(t, []string{"1.85.1", "beta"}, func(t *testing.T, env ...string) {
		w := newWorld(t, env, everyBuild...)
		number := 0
		try := func(way string, args ...string) {
			number++
			c := w.At(fmt.Sprint("place", number))
			ways[way](w, c)
			if got := ran(c, args...); len(got) > 0 || !isRestored(c) {
				t.Errorf("%s, cargo %q: built %q, restored: %v", way, args, got, isRestored(c))
			}
			wantNothingLeft(c)
		}
		for way := range ways {
			try(way, "build")
		}
		for _, args := range [][]string{
			{"check", "--workspace", "--all-targets"}, {"test", "--no-run", "--workspace"}, {"build", "--release"},
			{"b", "--locked", "--offline"}, {"make"}, {"xtask"}, {"--color", "never", "build"}, {"run"},
		} {
			try("git worktree add", args...)
		}
	})
}

// It does not matter where cargo is called, and where it is told to build.
func TestPlaces(t *testing.T) {
	fixture.EachCargo(t, oneNewest, func(t *testing.T, env ...string) {
		w := newWorld(t, env)
		for name, c := range map[string]struct {
			from    string // in the checkout
			env     []string
			args    []string
			prepare func(in *fixture.Checkout)
			to      string
		}{
			"in a member":            {from: "app/src", to: "target"},
			"by the manifest":        {from: "lib", args: []string{"--manifest-path", "../Cargo.toml"}, to: "target"},
			"by a member's manifest": {args: []string{"--manifest-path=app/Cargo.toml"}, to: "target"},
			"--target-dir":           {args: []string{"--target-dir", "elsewhere"}, to: "elsewhere"},
			"--target-dir in a member": {
				from: "app", args: []string{"--target-dir=../elsewhere"}, to: "elsewhere",
			},
			"CARGO_TARGET_DIR":       {from: "lib", env: []string{"CARGO_TARGET_DIR=../elsewhere"}, args: []string{"--workspace"}, to: "elsewhere"},
			"CARGO_BUILD_TARGET_DIR": {env: []string{"CARGO_BUILD_TARGET_DIR=elsewhere"}, to: "elsewhere"},
			"build.target-dir": {
				prepare: func(in *fixture.Checkout) {
					in.Write(".cargo/config.toml", "[build]\ntarget-dir = \"elsewhere\"\n")
				}, to: "elsewhere",
			},
			"an empty one": {prepare: func(in *fixture.Checkout) { in.Must("mkdir", "target") }, to: "target"},
			"one that cargo has made for no build": {
				prepare: func(in *fixture.Checkout) {
					in.With("CARGO_COW=off").Must("cargo", "package", "--list", "--allow-dirty", "--offline", "--package=lib")
				}, to: "target",
			},
			"one with no more than the marks of cargo's questions": {
				prepare: func(in *fixture.Checkout) {
					in.Write("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n")
					in.Write("target/.rustc_info.json", "{}")
				}, to: "target",
			},
		} {
			t.Run(name, func(t *testing.T) {
				in := w.origin.In(t).Worktree("in")
				defer w.origin.Must("git", "worktree", "remove", "--force", in.Dir)
				if c.prepare != nil {
					c.prepare(in)
				}
				from := in.With(c.env...)
				from.Dir = in.Path(c.from)
				got := ran(from, append([]string{"build"}, c.args...)...)
				if name == "build.target-dir" { // what is linked is, since configuration may say how
					got = slices.DeleteFunc(got, func(u string) bool { return u == "app/app/bin" })
				}
				if len(got) > 0 || !fixture.Exists(in.Path(c.to, ".cargo-cow")) {
					t.Errorf("built %q", got)
				}
				if c.to != "target" && fixture.Exists(in.Target()) {
					t.Error("it has another build directory")
				}
				wantNothingLeft(in)
			})
		}
	})
}

// A wrapper for the workspace's packages, as cargo clippy sets it, has those checked anew, and nothing else.
func TestClippy(t *testing.T) {
	fixture.EachCargo(t, oneLater, func(t *testing.T, env ...string) {
		w := newWorld(t, env, everyBuild...)
		w.At("bin").Script("clippy-driver", "#!/bin/sh\nexec \"$@\"\n")
		c := w.origin.Worktree("place").With("RUSTC_WORKSPACE_WRAPPER=" + w.Path("bin/clippy-driver"))
		if got := ran(c, "check", "--workspace"); !slices.Equal(got, []string{"app/app/bin", "app/build-script-build/build-script", "lib/lib/lib"}) || !isRestored(c) {
			t.Errorf("built %q, restored: %v", got, isRestored(c))
		}
	})
}

// A worktree inside the checkout that it is of is its own: what is built around it is another's.
func TestWorktreeWithin(t *testing.T) {
	fixture.EachCargo(t, oneInstalled, func(t *testing.T, env ...string) {
		w := newWorld(t, env)
		// From there the package outside is found by another path.
		w.origin.Must("ln", "-s", "../outside", "outside")
		c := w.origin.Worktree("origin/inside")
		if got := ran(c, "build"); slices.Contains(got, "lib/lib/lib") || !isRestored(c) {
			t.Errorf("built %q, restored: %v", got, isRestored(c))
		}
		wantNothingLeft(c)
	})
}

// What was edited before the first command is built, and nothing else.
func TestEditAfterwards(t *testing.T) {
	fixture.EachCargo(t, oneNewest, func(t *testing.T, env ...string) {
		w := newWorld(t, env)
		c := w.origin.Worktree("place")
		c.Edit("app/src/main.rs", "println!(", "println!(\"edited: {} {}\", lib::name(), outside::name()); println!(")
		if got := ran(c, "build"); len(got) != 1 {
			t.Errorf("built %q", got)
		}
		if said := c.Says(c.Target("debug/app")); said[:6] != "edited" {
			t.Errorf("it says %q", said)
		}
	})
}
