package justintime

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// newAutomatic makes a world whose user has the program act by itself: nothing is typed but cargo and git. Its origin is a
// repository in which nothing is built yet.
func newAutomatic(t *testing.T, env ...string) *world {
	t.Helper()
	dir := loopfs.Btrfs(t, loopfs.Size(6<<30)) + "/w"
	user := []string{"CARGO_COW_STORE=", "XDG_CONFIG_HOME=" + dir + "/config", "XDG_DATA_HOME=" + dir + "/data", "XDG_CACHE_HOME=" + dir + "/cache"}
	w := &world{World: fixture.NewWorld(t, dir, slices.Concat(user, []string{fixture.InPath(t), "CARGO_PROFILE_DEV_DEBUG=0", "RUSTC_WRAPPER=" + fixture.Wrapper(t)}, env)...)}
	w.Write("data/cargo-cow/automatic", "")
	w.At("outside").Lay(outside)
	w.origin = w.At("origin")
	w.origin.Lay(workspace)
	w.origin.Must("cargo", "generate-lockfile", "--offline")
	w.origin.Repository()
	return w
}

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

// isTree reports whether a directory is the top of a subvolume.
func isTree(t *testing.T, dir string) bool {
	t.Helper()
	fi, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Sys().(*syscall.Stat_t).Ino == 256
}

// Nothing is typed but what one types anyway: where the origin is built, each new checkout is warm for the same commands,
// and what is built in one is found in the next.
func TestNothingTyped(t *testing.T) {
	for _, tc := range fixture.Toolchains(t) {
		if strings.Contains(tc.Name, " ") {
			continue // another setting of one that is there: TestFirstCommand has those
		}
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			w := newAutomatic(t, append(slices.Clone(tc.Env), "CARGO_COW_WAREHOUSE=off")...)
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
		})
	}
}

// A build directory from before is no tree, and a program may run from it: it stays the very directory that it is.
func TestPlainSibling(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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
	program := w.origin.Start("sh", "-c", `exec "$0" wait < "$1"`, w.origin.Target("debug/app"), w.origin.Path("fifo"))
	w.origin.Must("mkfifo", "fifo")
	defer program.Kill()
	c := w.origin.Worktree("place")
	if got := ran(c, "build", "--workspace"); len(got) > 0 || !isTree(t, c.Target()) {
		t.Errorf("built %q", got)
	}
	if after, err := os.Stat(w.origin.Target()); err != nil || !os.SameFile(before, after) {
		t.Errorf("the origin's build directory is another one (%v)", err)
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
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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
}

// Another command that has the best sibling, and stops, keeps nobody.
func TestClaimedSibling(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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
}

// A build that failed at the origin is no harm: what it has built is taken up, and what it has not is built.
func TestFailedSibling(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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
			w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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
	}
}

// Another project with more units in common by number is not taken before the sibling.
func TestChoiceByWorth(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
	// It has many small units, one of them the origin's.
	other := w.At("other")
	members := []string{}
	for n := range 12 {
		members = append(members, fmt.Sprintf("%q", fmt.Sprint("m", n)))
		other.Write(fmt.Sprintf("m%d/Cargo.toml", n), fmt.Sprintf("[package]\nname = \"m%d\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\noutside = { path = \"../../outside\" }\n", n))
		other.Write(fmt.Sprintf("m%d/src/lib.rs", n), "")
	}
	other.Write("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = ["+strings.Join(members, ", ")+"]\n")
	other.Write(".gitignore", "target\n")
	other.Must("cargo", "generate-lockfile", "--offline")
	other.Repository()
	other.Must("cargo", "build", "--workspace")
	other.Cow("snapshot", "--label", "other")
	w.origin.Must("cargo", "build", "--workspace")
	// The branch has another lockfile than the origin.
	branch := w.origin.Worktree("branch")
	branch.Edit("lib/Cargo.toml", "0.1.0", "0.2.0")
	branch.Edit("Cargo.lock", "name = \"lib\"\nversion = \"0.1.0\"", "name = \"lib\"\nversion = \"0.2.0\"")
	branch.Commit("version")
	if got := ran(branch, "build", "--workspace"); slices.Contains(got, "outside/outside/lib") {
		t.Errorf("built %q", got)
	}
	place := w.origin.Worktree("place")
	if got := ran(place, "build", "--workspace"); len(got) > 0 {
		t.Errorf("with the origin's lockfile: built %q", got)
	}
}

// A worktree on Btrfs of a repository on another file system has a store where it is itself, and none of copies.
func TestRepositoryElsewhere(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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
}

// Cargo clean means clean, in a worktree and in a copy without git, and at the same path made anew as well. What is
// built then begins as a tree.
func TestCleanMeansClean(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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

// Layers that nobody has asked for do not pile up: each stands for those before.
func TestSuperseded(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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
}

// What is done by itself is told, and so is why nothing was.
func TestAccount(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
	account := func(c *fixture.Checkout) map[string]any {
		for _, line := range c.Cow("status") {
			if a, ok := line["by_itself"].(map[string]any); ok {
				return a
			}
		}
		return nil
	}
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
				w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
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
		}
	}
}

// A new project has what another one has built of its dependencies, runs of build scripts included, though no command was
// typed in either. The dependencies are libraries, two of them with scripts, and a macro.
func TestNewProject(t *testing.T) {
	for _, tc := range fixture.Toolchains(t) {
		if !slices.Contains([]string{"1.99.1", "beta"}, tc.Name) {
			continue // each compiles some dependencies
		}
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			w := newAutomatic(t, append(slices.Clone(tc.Env), "CARGO_COW_WAREHOUSE=off", "CARGO_NET_OFFLINE=false")...)
			lay := func(name, code string) *fixture.Checkout {
				c := w.At(name)
				c.Write("Cargo.toml", "[package]\nname = \""+name+"\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nserde = \"=1.0.219\"\nserde_json = \"=1.0.140\"\nindoc = \"=2.0.8\"\n")
				c.Write("src/main.rs", code)
				c.Write(".gitignore", "target\n")
				c.Must("cargo", "generate-lockfile", "--quiet")
				c.Must("cargo", "fetch", "--quiet")
				c.Repository()
				return c
			}
			one := lay("one", "fn main() { println!(indoc::indoc!(\"{}\"), serde_json::json!({\"one\": 1})) }\n")
			one.Must("cargo", "build")
			two := lay("two", "fn main() { println!(indoc::indoc!(\"{}\"), serde_json::to_string(&std::collections::BTreeMap::from([(\"two\", 2)])).unwrap()) }\n")
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
			if said := two.Says(two.Target("debug/two")); said != `{"two":2}` {
				t.Errorf("it says %q", said)
			}
		})
	}
}

// A commit that is made while a sibling is sealed counts: what is compared is the checkout as it is then.
func TestCommitMeanwhile(t *testing.T) {
	w := newAutomatic(t, "CARGO_COW_WAREHOUSE=off")
	w.origin.Write("app/build.rs", `fn main() {
    let out = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap();
    println!("cargo:rustc-env=COMMIT={}", String::from_utf8(out.stdout).unwrap().trim());
}
`)
	w.origin.Write("app/src/main.rs", "fn main() { println!(\"{} {} {}\", lib::name(), outside::name(), env!(\"COMMIT\")) }\n")
	w.origin.Commit("tells its commit")
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
}
