package justintime

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// counted has each restore before a build noted that is begun, and returns how many were.
func (w *world) counted() func() int {
	w.T.Helper()
	w.Must(".", nil, "mkdir", "-p", w.Path("bin"))
	w.Must(".", nil, "cp", fixture.Wrapper(w.T), w.Path("bin/cargo-cow-rustc"))
	w.Script("bin/cargo-cow", `echo "$@" >> '`+w.Path("begun")+`'; exec '`+fixture.Program(w.T)+`' "$@"`)
	w.Env = append(w.Env, "RUSTC_WRAPPER="+w.Path("bin/cargo-cow-rustc"))
	w.origin.Env = w.Env
	return func() int {
		text, err := os.ReadFile(w.Path("begun"))
		if err != nil {
			return 0
		}
		return strings.Count(string(text), "just-in-time")
	}
}

// A restore asks cargo, which asks its compiler, and no restore begins for that. (TestNewProject has one that asks cargo
// for more.)
func TestOneRestore(t *testing.T) {
	eachCargo(t, oneLater, func(t *testing.T, w *world) {
		begun := w.counted()
		w.origin.Must("cargo", "build", "--workspace")
		c := w.origin.Worktree("place")
		before := begun()
		if got := ran(c, "build", "--workspace"); len(got) > 0 {
			t.Errorf("built %q", got)
		}
		if n := begun() - before; n != 1 {
			t.Errorf("%d restores were begun", n)
		}
	})
}

// A cargo that a build script runs is none that somebody waits for, and builds as ever.
func TestWithinBuildScript(t *testing.T) {
	eachCargo(t, bothLayouts, func(t *testing.T, w *world) {
		begun := w.counted()
		// What it builds is known: a checkout of it is warm.
		inner := w.At("inner")
		inner.Lay(outside)
		inner.Must("cargo", "generate-lockfile", "--offline")
		inner.Repository()
		inner.Must("cargo", "build")
		if got := ran(inner.Worktree("inner2"), "build"); len(got) > 0 {
			t.Fatalf("built %q", got)
		}
		third := inner.Worktree("inner3")
		w.origin.Write("lib/build.rs", `fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let done = std::process::Command::new(std::env::var("CARGO").unwrap()).arg("build").current_dir("`+third.Dir+`").status().unwrap();
    assert!(done.success());
}
`)
		before := begun()
		w.origin.Must("cargo", "build", "--workspace")
		if n := begun() - before; n != 1 || isRestored(third) || !fixture.Exists(third.Target("debug/liboutside.rlib")) {
			t.Errorf("%d restores were begun, and within the script it is restored: %v", n, isRestored(third))
		}
	})
}

// store is where the origin's layers are.
func (w *world) store() string {
	w.T.Helper()
	for _, line := range w.origin.Cow("status") {
		if dir, ok := line["store"].(string); ok {
			return dir
		}
	}
	w.T.Fatal("status names no store")
	return ""
}

const otherProfile = "CARGO_PROFILE_DEV_OPT_LEVEL=1"

// Where the environment sets the profile, what was built with another one is of no use, and cargo is not asked what else
// there may be: that would take it longer than it saves.
func TestProfileByEnvironmentAlone(t *testing.T) {
	fixture.EachCargo(t, oneNewest, func(t *testing.T, env ...string) {
		w := newWorld(t, append(env, "CARGO_COW_WAREHOUSE=off"))
		c := w.origin.Worktree("place")
		if got := ran(c.With(otherProfile), "build"); !slices.Contains(got, "outside/outside/lib") || isRestored(c) {
			t.Errorf("built %q, restored: %v", got, isRestored(c))
		}
		if plans, _ := filepath.Glob(filepath.Join(w.store(), "plans", "*")); len(plans) > 0 {
			t.Errorf("cargo was asked: %q", plans)
		}
	})
}

// Where it is set for one build, that build finds what was built with it, and those without it what was built without,
// whichever came first.
func TestProfileByEnvironment(t *testing.T) {
	eachCargo(t, oneLater, func(t *testing.T, w *world) {
		w.origin.Must("cargo", "build", "--workspace")
		set := func(name string) *fixture.Checkout {
			return w.origin.Worktree(name).With(otherProfile)
		}
		// Its script is built as ever: that profile is another one.
		if got := ran(set("first"), "build", "--workspace"); !slices.Equal(got, []string{"app/app/bin", "lib/lib/lib", "outside/outside/lib"}) {
			t.Errorf("the first: built %q", got)
		}
		second := set("second")
		if got := ran(second, "build", "--workspace"); len(got) > 0 || !isRestored(second) {
			t.Errorf("with the same: built %q, restored: %v", got, isRestored(second))
		}
		third := w.origin.Worktree("third")
		if got := ran(third, "build", "--workspace"); len(got) > 0 || !isRestored(third) {
			t.Errorf("without: built %q, restored: %v", got, isRestored(third))
		}
	})
}

// Worktrees in which another version of cargo builds first keep nothing from those after them.
func TestOtherToolchainFirst(t *testing.T) {
	fixture.EachCargo(t, oneInstalled, func(t *testing.T, env ...string) {
		w := newAutomatic(t, append(env, "CARGO_COW_WAREHOUSE=off")...)
		toolchain := "RUSTUP_TOOLCHAIN=1.99.1"
		if slices.Contains(env, toolchain) {
			toolchain = "RUSTUP_TOOLCHAIN=beta"
		}
		w.origin.Must("cargo", "build", "--workspace")
		ran(w.origin.Worktree("first").With(toolchain), "build", "--workspace")
		second := w.origin.Worktree("second")
		if got := ran(second.With(toolchain), "build", "--workspace"); len(got) > 0 || !isRestored(second) {
			t.Errorf("with the same: built %q, restored: %v", got, isRestored(second))
		}
		third := w.origin.Worktree("third")
		if got := ran(third, "build", "--workspace"); len(got) > 0 || !isRestored(third) {
			t.Errorf("with the origin's: built %q, restored: %v", got, isRestored(third))
		}
		w.origin.Cow("check", "--deep")
	})
}

// Of two layers each of which is behind in one profile, that one is taken in which the profile of the command at hand is not.
func TestCommandAtHand(t *testing.T) {
	fixture.EachCargo(t, oneNewest, func(t *testing.T, env ...string) {
		dev, release := []string{"build", "--workspace"}, []string{"build", "--workspace", "--release"}
		w := newWorld(t, append(env, "CARGO_COW_WAREHOUSE=off"), release)
		other := w.origin.Worktree("other").With("CARGO_COW=off")
		other.Must("cargo", dev...)
		w.origin.Edit("lib/src/lib.rs", `"lib"`, `"new"`)
		w.origin.Commit("new")
		w.origin.Must("cargo", dev...)
		w.origin.Cow("snapshot")
		other.Must("git", "checkout", "--quiet", "--detach", w.origin.Says("git", "rev-parse", "HEAD"))
		other.Must("cargo", release...)
		other.Cow("init")
		other.Cow("snapshot")
		for n, args := range [][]string{dev, release, {"run", "--profile=release"}, {"rustc", "--package=lib"}} {
			c := w.origin.Worktree(fmt.Sprint("place", n))
			if got := ran(c, args...); len(got) > 0 || !isRestored(c) {
				t.Errorf("cargo %q: built %q, restored: %v", args, got, isRestored(c))
			}
		}
	})
}

// Another disk's store is of no use where it can only be read, and none of one's own is asked for: cargo builds as ever, and
// status says which store that is, and why it does not serve.
func TestStoreElsewhere(t *testing.T) {
	fixture.EachCargo(t, oneInstalled, func(t *testing.T, env ...string) {
		w := newWorld(t, append(env, "CARGO_COW_WAREHOUSE=off"))
		store := w.store()
		here := fixture.NewWorld(t, loopfs.Btrfs(t, loopfs.Size(2<<30))+"/w")
		here.Env = append(w.Env, "CARGO_COW_STORE="+store)
		c := here.At("place")
		w.origin.Must("cp", "-r", w.Path("outside"), here.Path("outside"))
		w.origin.Must("git", "clone", "--quiet", w.origin.Dir, c.Dir)
		readOnly(t, filepath.Dir(store))
		wantCold(c, "build")
		if said := c.Says(c.Target("debug/app")); said != "lib outside" {
			t.Errorf("it says %q", said)
		}
		r := c.TryCow("status")
		if said, _ := r.Line(t, "error")["message"].(string); r.Code == 0 || !strings.Contains(said, store) || !strings.Contains(said, "on another file system") {
			t.Errorf("status does not say why that store does not serve: %v", r)
		}
	})
}

// A store that a sandbox lets one read serves, and status says that nothing can be sealed there.
func TestStoreReadOnly(t *testing.T) {
	fixture.EachCargo(t, oneLater, func(t *testing.T, env ...string) {
		w := newWorld(t, append(env, "CARGO_COW_WAREHOUSE=off"))
		c := w.origin.Worktree("place")
		sandbox := `mount --bind "` + w.store() + `" "` + w.store() + `"; mount -o remount,bind,ro "` + w.store() + `"; cd "$0"; exec "$@"`
		from := *c
		from.Dir = "/"
		in := func(args ...string) fixture.Result {
			return from.Run("unshare", append([]string{"--mount", "--propagation=private", "sh", "-ec", sandbox, c.Dir}, args...)...)
		}
		if got := fixture.Compiled(t, in("cargo", "build", "--message-format=json")); len(got) > 0 || !isRestored(c) {
			t.Errorf("built %q, restored: %v", got, isRestored(c))
		}
		if r := in(fixture.Program(t), "--json", "status"); r.Line(t, "status")["read_only"] != true {
			t.Errorf("status does not say that it is read-only: %v", r)
		}
		if said := c.Says(c.Target("debug/app")); said != "lib outside" {
			t.Errorf("it says %q", said)
		}
	})
}

// readOnly has a file system read-only until the test ends.
func readOnly(t *testing.T, mount string) {
	t.Helper()
	for _, mode := range []string{"ro", "rw"} {
		remount := func() {
			if out, err := exec.Command("mount", "-o", "remount,"+mode, mount).CombinedOutput(); err != nil {
				t.Errorf("remount %s: %v: %s", mount, err, out)
			}
		}
		if mode == "ro" {
			remount()
		} else {
			t.Cleanup(remount)
		}
	}
}
