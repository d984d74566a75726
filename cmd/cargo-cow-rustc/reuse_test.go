package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
)

// editOne changes one function of the library that others depend on.
func (w *world) editOne(root, to string) {
	w.T.Helper()
	w.Edit(root+"/many/src/m7.rs", "pub fn entry(x: u64) -> u64 { (", "pub fn entry(x: u64) -> u64 { ("+to+" + ")
}

// The first edit in a worktree reuses what the same edit at the origin reuses.
func TestFirstEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.origin("a")
	w.restoredWorktree("a", "b")
	w.restoredWorktree("a", "plain")

	w.editOne("a", "1")
	home, _ := w.built("a", nil, "debug", "build")
	w.editOne("b", "1")
	away, r := w.built("b", w.with(), "debug", "build")
	t.Logf("origin %v, place %v", home, away)
	var here, there reuse
	for crate, h := range home {
		here.add(away[crate])
		there.add(h)
	}
	// A unit that uses env! of its directory has one codegen unit more to make.
	if here.all != there.all || here.old*100 < there.old*95 {
		t.Errorf("reused %v in the place, %v at the origin", here, there)
	}
	if home["many"].old < modules*9/10 {
		t.Errorf("the origin itself reuses %v of the library: this shows nothing", home["many"])
	}
	if strings.Contains(r.Stderr, w.Path("a")+"/") {
		t.Errorf("cargo's output names the origin:\n%s", r.Stderr)
	}
	w.editOne("plain", "1")
	if cold, _ := w.built("plain", nil, "debug", "build"); cold["many"].old > 0 {
		t.Errorf("without the wrapper %v are reused: this shows nothing", cold["many"])
	}

	got := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout
	if want := w.clean("b", nil); got != want {
		t.Errorf("the program prints %q, that of a clean build %q", got, want)
	}
	for name, text := range w.lists("b/target/debug") {
		if strings.Contains(handoff.WithoutState(text), w.Path("a")+"/") && strings.Contains(text, "cargo-cow-state") {
			t.Errorf("%s names the origin:\n%s", name, text)
		}
	}

	// All is fresh now, with the wrapper and without it.
	for _, env := range [][]string{w.with(), nil} {
		if again, r := w.built("b", env, "debug", "build"); len(again) > 0 {
			t.Errorf("built again: %v\n%s", again, r.Stderr)
		}
	}
	w.editOne("b", "2")
	if second, _ := w.built("b", w.with(), "debug", "build"); second["many"].share() < 0.9 {
		t.Errorf("the second edit reuses %v", second["many"])
	}
	// The origin has noticed nothing.
	if again, r := w.built("a", nil, "debug", "build"); len(again) > 0 {
		t.Errorf("the origin is built again: %v\n%s", again, r.Stderr)
	}
}

// An edit that is undone is one that the warehouse has a record of and no files: state
// that was made at the origin is taken up all the same.
func TestUndoneEdit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.origin("a")
	w.restoredWorktree("a", "b")
	for i, to := range []string{"1 + 2", "1 + 3", "1 + 2"} {
		if i > 0 {
			w.Must("b", nil, "git", "checkout", "--quiet", ".")
		}
		w.editOne("b", to)
		got, _ := w.built("b", w.with(), "debug", "build")
		if got["many"].share() < 0.9 {
			t.Errorf("edit %d reuses %v", i, got)
		}
		if got, want := w.Must("b", nil, w.Path("b/target/debug/app")).Stdout, w.clean("b", nil); got != want {
			t.Errorf("prints %q, that of a clean build %q", got, want)
		}
	}
	if events := w.Read("store/warehouse/events"); !strings.Contains(events, "files are gone") {
		t.Errorf("the record of the first edit was not found: this shows nothing\n%s", events)
	}
}

// all that is built at the origin of TestWays.
var ways = []struct {
	name, profile string
	args          []string
}{
	{"build", "debug", []string{"build"}},
	{"test", "debug", []string{"test", "--no-run"}},
	{"release", "release", []string{"build", "--release"}},
	{"check", "debug", []string{"check"}},
	{"clippy", "debug", []string{"clippy"}},
	// Checks as editors run them when a file is saved.
	{"editor", "debug", []string{"check", "--workspace", "--message-format=json", "--all-targets", "--keep-going"}},
}

// accepted reports whether rustc took the state of all units it compiled; it says
// so with -Zincremental-info.
func accepted(t *testing.T, stderr string) bool {
	t.Helper()
	if !strings.Contains(stderr, "[incremental]") {
		t.Fatalf("rustc says nothing of its state:\n%s", stderr)
	}
	return !strings.Contains(stderr, "completely ignoring cache")
}

// Whatever cargo is asked for, and wherever its files are, state is reused.
func TestWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "RUSTC_BOOTSTRAP=1", "RUSTFLAGS=-Zincremental-info")
	var builds []string
	for _, way := range ways {
		builds = append(builds, strings.Join(way.args, " "))
	}
	w.origin("a", builds...)

	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			w := w.of(t)
			w.restoredWorktree("a", "b-"+way.name)
			w.editOne("b-"+way.name, "1")
			got, r := w.built("b-"+way.name, w.with(), way.profile, way.args...)
			if !accepted(t, r.Stderr) {
				t.Errorf("state is not accepted:\n%s", r.Stderr)
			}
			if got["many"].all > 0 && got["many"].share() < 0.9 {
				t.Errorf("reused %v", got)
			}
			if taken := w.taken("b-" + way.name + "/target"); !slices.Contains(taken, "many") || !slices.Contains(taken, "few") {
				t.Errorf("compiled at the origin's path: %v", taken)
			}
			if strings.Contains(r.Stderr+r.Stdout, w.Path("a")+"/") {
				t.Errorf("cargo's output names the origin:\n%s\n%s", r.Stderr, r.Stdout)
			}
		})
	}

	t.Run("nested", func(t *testing.T) {
		w := w.of(t)
		w.Write("a/.git/info/exclude", ".worktrees\n")
		w.restoredWorktree("a", "a/.worktrees/n")
		w.check("a/.worktrees/n", nil, "many", 0.9)
		if status := w.Must("a/.worktrees/n", nil, "git", "status", "--short").Stdout; status != " M many/src/m7.rs\n" {
			t.Errorf("git status in the place:\n%s", status)
		}
	})

	t.Run("place of a place", func(t *testing.T) {
		w := w.of(t)
		w.restoredWorktree("a", "b")
		w.check("b", nil, "many", 0.9)
		w.Must("b", nil, "git", "commit", "--quiet", "--all", "--message=second")
		w.seal("b", w.with(), "build")
		w.At("b").Worktree("c")
		w.restore("b", "c", nil)
		w.Edit("c/many/src/m8.rs", "pub fn entry(x: u64) -> u64 { (", "pub fn entry(x: u64) -> u64 { (2 + ")
		got, _ := w.built("c", w.with(), "debug", "build")
		if got["many"].share() < 0.9 {
			t.Errorf("reused %v", got)
		}
	})

	// P: what was built by plain cargo in the worktree has its state there; the rest at
	// the origin.
	t.Run("by turns", func(t *testing.T) {
		w := w.of(t)
		w.restoredWorktree("a", "p")
		w.Edit("p/few/src/lib.rs", "tag 1", "tag 2")
		w.built("p", nil, "debug", "build")
		w.Edit("p/few/src/lib.rs", "tag 2", "tag 3")
		w.editOne("p", "1")
		got, r := w.built("p", w.with(), "debug", "build")
		if got["many"].share() < 0.9 || !accepted(t, r.Stderr) {
			t.Errorf("reused %v\n%s", got, r.Stderr)
		}
		w.editOne("p", "1 + 2")
		w.Edit("p/few/src/lib.rs", "tag 3", "tag 4")
		if _, r := w.built("p", w.with("CARGO_COW_TEST_WITHOUT="+string(ruleUnit)), "debug", "build"); accepted(t, r.Stderr) {
			t.Errorf("without rule %s all state is accepted as well", ruleUnit)
		}
	})

	t.Run("after an error", func(t *testing.T) {
		w := w.of(t)
		w.restoredWorktree("a", "e")
		for _, bad := range []string{"\"no number\"", "syntax ( error"} {
			w.editOne("e", bad)
			r := w.Run("e", w.with(), "cargo", "build", "--offline")
			if r.Code == 0 || !strings.Contains(r.Stderr, "many/src/m7.rs") || strings.Contains(r.Stderr, w.Path("a")+"/") {
				t.Errorf("%s: %v", bad, r)
			}
			w.Edit("e/many/src/m7.rs", bad+" + ", "")
		}
		w.check("e", nil, "many", 0.9)
	})

	t.Run("origin gone", func(t *testing.T) {
		w := w.of(t)
		w.Must("a", nil, "git", "clone", "--quiet", ".", w.Path("g"))
		w.restore("a", "g", nil)
		if err := os.Rename(w.Path("a"), w.Path("away")); err != nil {
			t.Fatal(err)
		}
		defer os.Rename(w.Path("away"), w.Path("a"))
		w.check("g", nil, "many", 0)
		if taken := w.taken("g/target"); len(taken) > 0 {
			t.Errorf("compiled at a path that is gone: %v", taken)
		}
	})

	t.Run("views forbidden", func(t *testing.T) {
		w := w.of(t)
		needs(t, "unshare", "-Ur", "true")
		w.restoredWorktree("a", "f")
		w.editOne("f", "1")
		forbidden := []string{"-Ur", "sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all \"$@\"", "sh"}
		r := w.Must("f", w.with(), "unshare", append(forbidden, "cargo", "run", "--quiet", "--offline")...)
		if want := w.clean("f", nil); r.Stdout != want {
			t.Errorf("the program prints %q, that of a clean build %q", r.Stdout, want)
		}
		if why := handoff.Unavailable(w.Path("f/target")); why == "" || len(w.taken("f/target")) > 0 {
			t.Errorf("remembered %q, compiled at the origin's path: %v", why, w.taken("f/target"))
		}
	})

	t.Run("without CAP_SYS_ADMIN", func(t *testing.T) {
		w := w.of(t)
		less := []string{"--bounding-set=-sys_admin", "sh", "-c", "exec \"$@\"", "sh"}
		needs(t, "setpriv", append(less, "unshare", "-Um", "true")...)
		w.restoredWorktree("a", "u")
		w.editOne("u", "1")
		start := len(w.taken("u/target"))
		w.Must("u", w.with(), "setpriv", append(less, "cargo", "build", "--quiet", "--offline")...)
		if taken := w.taken("u/target"); start > 0 || !slices.Contains(taken, "many") {
			t.Errorf("compiled at the origin's path: %v", taken)
		}
	})

	if again, r := w.built("a", nil, "debug", "build"); len(again) > 0 {
		t.Errorf("the origin is built again: %v\n%s", again, r.Stderr)
	}
}

// needs fails where a command does not succeed.
func needs(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("this test needs %s %q: %v\n%s", name, args, err, out)
	}
}

// of is the world in another test.
func (w *world) of(t testing.TB) *world {
	v := *w
	v.T = t
	return &v
}

// check edits the library and builds with the wrapper: this much of the crate is
// reused, and the program is that of a clean build.
func (w *world) check(dir string, env []string, crate string, share float64) {
	w.T.Helper()
	w.editOne(dir, "1")
	got, r := w.built(dir, w.with(env...), "debug", "build")
	if got[crate].share() < share || got[crate].all == 0 {
		w.T.Errorf("%s: reused %v\n%s", dir, got, r.Stderr)
	}
	program := w.Must(dir, env, w.Path(dir+"/target/debug/app")).Stdout
	if want := w.clean(dir, nil); program != want {
		w.T.Errorf("%s: the program prints %q, that of a clean build %q", dir, program, want)
	}
}

// A build directory outside the checkout is seen at the path of the origin's, and
// counts by its text.
func TestTargetOutside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workspace("a")
	w.commit("a")
	for _, d := range []string{"t/real", "t/b"} {
		if err := os.MkdirAll(w.Path(d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	w.Symlink("real", "t/link")
	w.seal("a", []string{"CARGO_TARGET_DIR=" + w.Path("t/link/target")})
	w.At("a").Worktree("b")
	env := []string{"CARGO_TARGET_DIR=" + w.Path("t/b/target")}
	w.At("b").With(env...).Cow("restore")
	p := &handoff.Handoff{
		Root: w.Path("b"), Build: []string{w.Path("t/b/target")},
		Origins: []handoff.Origin{{Root: w.Path("a"), Build: []string{w.Path("t/link/target"), w.Path("t/real/target")}}},
	}
	w.handOff(p)
	w.editOne("b", "1")
	start := fixture.Stamp(t, w.Path("stamp"))
	w.Must("b", w.with(env...), "cargo", "build", "--quiet", "--offline")
	if got := w.reused("t/b/target/debug", start); got["many"].share() < 0.9 {
		t.Errorf("reused %v", got)
	}
	program := w.Must("b", nil, w.Path("t/b/target/debug/app")).Stdout
	if want := w.clean("b", nil); program != want {
		t.Errorf("the program prints %q, that of a clean build %q", program, want)
	}
	for name, text := range w.lists("t/b/target/debug/deps") {
		if _, ok := handoff.ParseState(text); ok && strings.Contains(handoff.WithoutState(text), w.Path("t/link")) {
			t.Errorf("%s names the origin:\n%s", filepath.Base(name), text)
		}
	}
}

// Where each unit has a directory, the wrapper finds what it needs there.
func TestOneDirectoryPerUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "RUSTUP_TOOLCHAIN=nightly", "CARGO_UNSTABLE_BUILD_DIR_NEW_LAYOUT=true")
	w.origin("a")
	w.restoredWorktree("a", "b")
	if _, err := os.Stat(w.Path("a/target/debug/deps")); err == nil {
		t.Error("the layout is the classic one: this shows nothing")
	}
	w.check("b", nil, "many", 0.9)
	if taken := w.taken("b/target"); !slices.Contains(taken, "many") {
		t.Errorf("compiled at the origin's path: %v", taken)
	}
}
