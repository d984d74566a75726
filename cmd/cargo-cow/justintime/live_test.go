package justintime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// layersOf are the layers that there are.
func (w *world) layers() (ids []string) {
	w.T.Helper()
	for _, l := range w.origin.Cow("list") {
		if id, ok := l["layer"].(string); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// isTree reports whether a directory is a tree: on Btrfs the top of a subvolume, on XFS an ordinary directory of ours.
func isTree(t testing.TB, dir string) bool {
	t.Helper()
	var fs unix.Statfs_t
	fi, err := os.Stat(dir)
	if err := errors.Join(err, unix.Statfs(dir, &fs)); err != nil {
		t.Fatal(err)
	}
	if fs.Type == unix.XFS_SUPER_MAGIC {
		return fixture.Exists(filepath.Join(dir, ".cargo-cow"))
	}
	return fi.Sys().(*syscall.Stat_t).Ino == 256
}

// A build directory from before is no tree, and a program may run from it: it stays the very directory that it is.
func TestPlainSibling(t *testing.T) {
	eachCargo(t, bothLayouts, func(t *testing.T, w *world) {
		w.origin.Edit("app/src/main.rs", "fn main() {", "fn main() { if std::env::args().count() > 1 { std::io::stdin().lines().next(); }")
		w.origin.Commit("waits")
		w.origin.With("CARGO_COW=off").Must("cargo", "build", "--workspace")
		if isTree(t, w.origin.Target()) {
			t.Fatal("it is a tree already")
		}
		before, err := os.Stat(w.origin.Target())
		if err != nil {
			t.Fatal(err)
		}
		// Opened for both, a fifo keeps nobody waiting until it is read.
		w.origin.Must("mkfifo", "fifo")
		program := w.origin.Start("sh", "-c", `exec "$0" wait <> "$1"`, w.origin.Target("debug/app"), w.origin.Path("fifo"))
		defer program.Kill()
		itself := fmt.Sprintf("/proc/%d/exe", program.Pid())
		runs := func() bool { exe, err := os.Readlink(itself); return err == nil && exe == w.origin.Target("debug/app") }
		fixture.Eventually(t, "the program runs", runs)
		c := w.origin.Worktree("place")
		if got := ran(c, "build", "--workspace"); len(got) > 0 || !isTree(t, c.Target()) {
			t.Errorf("built %q", got)
		}
		if after, err := os.Stat(w.origin.Target()); err != nil || !os.SameFile(before, after) {
			t.Errorf("the origin's build directory is another one (%v)", err)
		}
		if said := w.origin.Says("sh", "-c", `exec "$(readlink "$0")"`, itself); !runs() || said != "lib outside" {
			t.Errorf("the program cannot start itself again: it says %q", said)
		}
		// What is built there is found once more, and is still fresh there.
		if got := ran(w.origin, "build", "--workspace"); len(got) > 0 {
			t.Errorf("built %q at the origin", got)
		}
		w.origin.Edit("lib/src/lib.rs", `"lib"`, `"two"`)
		w.origin.Commit("two")
		w.origin.Must("cargo", "build", "--workspace")
		d := w.origin.Worktree("second")
		if got := ran(d, "build", "--workspace"); len(got) > 0 {
			t.Errorf("built %q in the second", got)
		}
		w.origin.Cow("check", "--deep")
	})
}

// hang has a build of lib hang until the file is made.
func (w *world) hang(file string) {
	w.origin.Write("lib/build.rs", fmt.Sprintf(`fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    std::fs::write("%[1]s.begun", "").unwrap();
    while !std::path::Path::new("%[1]s").exists() { std::thread::sleep(std::time::Duration::from_millis(10)) }
}
`, w.Path(file)))
}

// While somebody builds in the best sibling, it is passed over, and what is known already is taken up.
func TestBusySibling(t *testing.T) {
	eachCargo(t, oneNewest, func(t *testing.T, w *world) {
		w.origin.Must("cargo", "build", "--workspace")
		first := w.origin.Worktree("first")
		ran(first, "build", "--workspace")
		w.hang("go")
		building := w.origin.Start("cargo", "build", "--workspace")
		fixture.Eventually(t, "a build script", func() bool { return fixture.Exists(w.Path("go.begun")) })
		c := w.origin.Worktree("place")
		if got := ran(c, "build", "--workspace"); len(got) > 0 || !isRestored(c) {
			t.Errorf("built %q", got)
		}
		if !building.Running() {
			t.Error("the build at the origin is over")
		}
		w.Write("go", "")
		if r := building.Wait(); r.Code != 0 {
			t.Error(r)
		}
		if n := len(w.layers()); n != 1 {
			t.Errorf("%d layers", n)
		}
	})
}

// Who comes to build at the origin while that is sealed hardly waits: the seal is given up.
func TestKeptAtOrigin(t *testing.T) {
	eachCargo(t, oneNewest, func(t *testing.T, w *world) {
		// Copying what its script writes takes far longer than is waited.
		w.origin.Write("lib/build.rs", `fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for n in 0..12000 { std::fs::write(format!("{}/{n}", std::env::var("OUT_DIR").unwrap()), "x").unwrap() }
}
`)
		w.origin.Commit("writes much")
		w.origin.With("CARGO_COW=off").Must("cargo", "build", "--workspace")
		c := w.origin.Worktree("place")
		build := c.With("CARGO_COW_CRASHPOINT=snapshot.described=stop").StartMessages("build", "--workspace")
		stopped := restoreUnder(t, build)
		kept := w.origin.StartMessages("build", "--workspace")
		kept.Says("Blocking")
		if err := syscall.Kill(stopped, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if got := fixture.Compiled(t, kept.Wait()); len(got) > 0 {
			t.Errorf("built %q at the origin", got)
		}
		if got := fixture.Compiled(t, build.Wait()); len(got) < 3 || isRestored(c) {
			t.Errorf("the seal was not given up: built only %q", got)
		}
		if layers := w.layers(); len(layers) > 0 {
			t.Errorf("it is sealed as %q", layers)
		}
		w.origin.Cow("check", "--deep")
	})
}

// Another command that has the best sibling, and stops, keeps nobody.
func TestClaimedSibling(t *testing.T) {
	eachCargo(t, oneLater, func(t *testing.T, w *world) {
		w.origin.Must("cargo", "build", "--workspace")
		first := w.origin.Worktree("first")
		ran(first, "build", "--workspace")
		w.origin.Edit("lib/src/lib.rs", `"lib"`, `"new"`)
		w.origin.Must("cargo", "build", "--workspace")
		slow := w.origin.StopCow("snapshot.inspected", "snapshot")
		began := time.Now()
		c := w.origin.Worktree("place")
		if got := ran(c, "build", "--workspace"); len(got) > 0 || !isRestored(c) {
			t.Errorf("built %q", got)
		}
		if took := time.Since(began); took > time.Minute/2 {
			t.Errorf("it took %v", took)
		}
		slow.Continue()
	})
}

// A build that failed at the origin is no harm: what it has built is taken up, and what it has not is built.
func TestFailedSibling(t *testing.T) {
	eachCargo(t, oneInstalled, func(t *testing.T, w *world) {
		w.origin.Write("app/src/main.rs", "fn main() { broken }\n")
		if r := w.origin.Run("cargo", "build", "--workspace"); r.Code == 0 {
			t.Fatal("it is built")
		}
		c := w.origin.Worktree("place")
		got := ran(c, "build", "--workspace")
		if slices.Contains(got, "lib/lib/lib") || slices.Contains(got, "outside/outside/lib") || !slices.Contains(got, "app/app/bin") {
			t.Errorf("built %q", got)
		}
		if said := c.Says(c.Target("debug/app")); said != "lib outside" {
			t.Errorf("it says %q", said)
		}
	})
}

// What is edited at the origin, before, during and after its build, is no part of another checkout.
func TestEditedSibling(t *testing.T) {
	for name, edit := range map[string]func(w *world){
		"built, not committed": func(w *world) {
			w.origin.Edit("lib/src/lib.rs", `"lib"`, `"dirty"`)
			w.origin.Must("cargo", "build", "--workspace")
		},
		"not built": func(w *world) { w.origin.Edit("lib/src/lib.rs", `"lib"`, `"dirty"`) },
		"during the build": func(w *world) {
			w.hang("go")
			building := w.origin.Start("cargo", "build", "--workspace")
			fixture.Eventually(w.T, "a build script", func() bool { return fixture.Exists(w.Path("go.begun")) })
			w.origin.Edit("lib/src/lib.rs", `"lib"`, `"dirty"`)
			w.Write("go", "")
			if r := building.Wait(); r.Code != 0 {
				w.T.Fatal(r)
			}
		},
		"another commit": func(w *world) {
			w.origin.Edit("lib/src/lib.rs", `"lib"`, `"dirty"`)
			w.origin.Commit("dirty")
			w.origin.Must("cargo", "build", "--workspace")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachCargo(t, oneNewest, func(t *testing.T, w *world) {
				commit := w.origin.Says("git", "rev-parse", "HEAD")
				w.origin.Must("cargo", "build", "--workspace")
				edit(w)
				c := w.origin.Worktree("place", commit)
				if got := ran(c, "build", "--workspace"); slices.Contains(got, "outside/outside/lib") || !isRestored(c) {
					t.Errorf("built %q", got)
				}
				if said := c.Says(c.Target("debug/app")); said != "lib outside" {
					t.Errorf("it says %q", said)
				}
			})
		})
	}
}

// Of a sibling's layer and another project's, which has more units in common by number, the one is taken that saves more
// compiling; and what it lacks comes from the other one. Units of one's own do only where a copy of all is had at once.
func TestChoiceByWorth(t *testing.T) {
	fixture.EachCargo(t, oneLater, func(t *testing.T, env ...string) {
		w := newAutomaticOn(t, loopfs.Btrfs, append(env, "CARGO_COW_WAREHOUSE=off")...)
		const tiny = 5
		depends := ""
		for n := range tiny {
			name := fmt.Sprint("tiny", n)
			w.At(name).Lay(strings.ReplaceAll(outside, "outside", name))
			depends += fmt.Sprintf("%s = { path = \"../%s\" }\n", name, name)
		}
		w.Write("outside/build.rs", "fn main() { std::thread::sleep(std::time::Duration::from_secs(10)) }\n")
		w.origin.Write("app/Cargo.toml", w.origin.Read("app/Cargo.toml")+strings.ReplaceAll(depends, "../", "../../"))
		w.origin.Write("lib/Cargo.toml", w.origin.Read("lib/Cargo.toml")+"[dependencies]\noutside = { path = \"../../outside\" }\n")
		w.origin.Must("cargo", "generate-lockfile", "--offline")
		w.origin.Commit("depends on more")
		// Packages of the same names, so that the layer of either serves the other; but all that is dear is another one.
		other := w.At("other")
		w.origin.Must("git", "clone", "--quiet", w.origin.Dir, other.Dir)
		w.At("elsewhere/outside").Lay(outside)
		other.Edit("lib/Cargo.toml", "../../outside", "../../elsewhere/outside")
		other.Edit("app/Cargo.toml", "../../outside", "../../elsewhere/outside")
		other.Edit("lib/src/lib.rs", `"lib"`, `"other"`)
		other.Must("rm", "-rf", ".git")
		other.Repository()
		other.With("CARGO_COW=off").Must("cargo", "build", "--workspace")
		other.Cow("init")
		other.Cow("snapshot")
		w.origin.With("CARGO_COW=off").Must("cargo", "build", "--package=lib")
		place := w.origin.Worktree("place")
		if got := ran(place, "build", "--workspace"); !slices.Equal(got, []string{"app/app/bin"}) {
			t.Errorf("built %q", got)
		}
		if a := account(place); a["of"] != w.origin.Dir || a["restored"] != a["sealed"] {
			t.Errorf("it was not made of what is worth most: %v", a)
		}
		if n := len(place.Cow("restore", "--explain")); n != 2 {
			t.Errorf("it was chosen among %d layers", n)
		}
	})
}

// A worktree on Btrfs of a repository on another file system has a store where it is itself, and none of copies.
func TestRepositoryElsewhere(t *testing.T) {
	eachCargo(t, oneInstalled, func(t *testing.T, w *world) {
		elsewhere := *w.origin
		elsewhere.Dir = filepath.Join(t.TempDir(), "origin")
		w.origin.Must("git", "clone", "--quiet", w.origin.Dir, elsewhere.Dir)
		if err := os.Symlink(w.Path("outside"), filepath.Join(filepath.Dir(elsewhere.Dir), "outside")); err != nil {
			t.Fatal(err)
		}
		elsewhere.Must("cargo", "build", "--workspace")
		if fixture.Exists(elsewhere.Target(".cargo-cow")) {
			t.Error("a tree of copies was made by itself")
		}
		first, second := w.At("first"), w.At("second")
		for _, c := range []*fixture.Checkout{first, second} {
			elsewhere.Must("git", "worktree", "add", "--quiet", "--detach", c.Dir)
		}
		if got := ran(first, "build", "--workspace"); len(got) == 0 || !isTree(t, first.Target()) {
			t.Errorf("the first: built %q", got)
		}
		if got := ran(second, "build", "--workspace"); len(got) > 0 || !isTree(t, second.Target()) {
			t.Errorf("the second: built %q", got)
		}
	})
}

// Layers that nobody has asked for do not pile up: each stands for those before.
func TestSuperseded(t *testing.T) {
	eachCargo(t, oneNewest, func(t *testing.T, w *world) {
		for n := range 6 {
			w.origin.Write("lib/src/lib.rs", fmt.Sprintf("pub fn name() -> &'static str { \"lib%d\" }\n", n))
			w.origin.Commit("next")
			w.origin.Must("cargo", "build", "--workspace")
			c := w.origin.Worktree(fmt.Sprint("place", n))
			if got := ran(c, "build", "--workspace"); len(got) > 0 {
				t.Errorf("%d: built %q", n, got)
			}
		}
		fixture.Eventually(t, "two layers", func() bool { return len(w.layers()) == 2 })
		w.origin.Cow("snapshot")
		for n := range 3 {
			w.origin.Write("lib/src/lib.rs", fmt.Sprintf("pub fn name() -> &'static str { \"more%d\" }\n", n))
			w.origin.Commit("next")
			w.origin.Must("cargo", "build", "--workspace")
			ran(w.origin.Worktree(fmt.Sprint("more", n)), "build", "--workspace")
		}
		// What was asked for stays beside the two.
		fixture.Eventually(t, "three layers", func() bool { return len(w.layers()) == 3 })
		w.origin.Cow("check", "--deep")
	})
}

// Whoever is killed while a sibling is sealed: nothing of the sibling is lost, and the next build is right.
func TestKilledSealing(t *testing.T) {
	for _, point := range []string{"snapshot.inspected", "snapshot.described", "snapshot.copied", "snapshot.sealed", "snapshot.recorded"} {
		for _, plain := range []bool{false, true} {
			if point == "snapshot.copied" && !plain {
				continue // a tree is sealed as it is
			}
			t.Run(fmt.Sprintf("%s/plain=%v", point, plain), func(t *testing.T) {
				t.Parallel()
				eachCargo(t, oneInstalled, func(t *testing.T, w *world) {
					origin := w.origin
					if plain {
						origin = origin.With("CARGO_COW=off")
					}
					origin.Must("cargo", "build", "--workspace")
					c := w.origin.Worktree("place")
					if r := c.With("CARGO_COW_CRASHPOINT="+point+"=kill").Run("cargo", "build", "--workspace"); r.Code != 0 {
						t.Fatal(r)
					}
					if said := c.Says(c.Target("debug/app")); said != "lib outside" {
						t.Errorf("it says %q", said)
					}
					if got := ran(origin, "build", "--workspace"); len(got) > 0 {
						t.Errorf("built %q at the origin", got)
					}
					d := w.origin.Worktree("next")
					if got := ran(d, "build", "--workspace"); len(got) > 0 {
						t.Errorf("built %q in the next", got)
					}
					w.origin.Cow("check", "--deep")
				})
			})
		}
	}
}

// A commit that is made while a sibling is sealed counts: what is compared is the checkout as it is then.
func TestCommitMeanwhile(t *testing.T) {
	eachCargo(t, oneLater, func(t *testing.T, w *world) {
		w.commitTelling("")
		w.origin.Must("cargo", "build", "--workspace")
		c := w.origin.Worktree("place")
		build := c.With("CARGO_COW_CRASHPOINT=snapshot.recorded=stop").Start("cargo", "build", "--workspace")
		stopped := restoreUnder(t, build)
		c.With("CARGO_COW=off").Must("git", "commit", "--quiet", "--allow-empty", "--message=meanwhile")
		if err := syscall.Kill(stopped, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if r := build.Wait(); r.Code != 0 {
			t.Fatal(r)
		}
		if said, want := c.Says(c.Target("debug/app")), "lib outside "+c.Says("git", "rev-parse", "HEAD"); said != want {
			t.Errorf("it says %q, want %q", said, want)
		}
	})
}
