package pooled

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// After the one step that needs root a user types cargo's commands and git's alone, and each
// worktree and clone in the pool is warm, of a repository that lies outside.
func TestNothingTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t).pooled()
	fix := w.worktree("fix")
	wantWarm(fix)
	wantSays(fix, "lib")
	// The next one takes nothing but a snapshot, in bytes, too.
	before := loopfs.Free(t, w.Path("pool"))
	next := w.worktree("next")
	wantWarm(next)
	size, err := reflink.TreeBlocks(t.Context(), next.Target())
	if err != nil {
		t.Fatal(err)
	}
	if took := before - loopfs.Free(t, w.Path("pool")); took > size/10 {
		t.Errorf("a worktree with a build directory of %d bytes took %d of the pool", size, took)
	} else {
		t.Logf("a worktree with a build directory of %d bytes took %d of the pool", size, took)
	}
	if n := w.layers(); n != 1 {
		t.Errorf("there are %d layers, want 1", n)
	}
	w.in(".").Must("git", "clone", "--quiet", w.origin.Dir, "clone")
	wantWarm(w.in("clone"))
	// What was copied is left as it was: its own directory, of no store.
	if fixture.Exists(w.origin.Target(".cargo-cow", "store")) {
		t.Error("the origin was told of a store")
	}
	if got := w.origin.Compiled("build"); len(got) > 0 {
		t.Errorf("in the origin %q was built again", got)
	}
	// What differs is compiled, and what was built since is there.
	fix.Edit("lib/src/lib.rs", `"lib"`, `"fix"`)
	wantSays(fix, "fix")
	w.origin.Edit("lib/src/lib.rs", `"lib"`, `"new"`)
	wantSays(w.origin, "new")
	w.origin.Commit("new")
	last := w.worktree("last")
	wantWarm(last)
	wantSays(last, "new")
	wantSays(w.in("next"), "lib")
}

// Daily work in a pool is as elsewhere.
func TestDailyWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t).pooled()
	c := w.worktree("fix")
	wantWarm(c)
	c.Must("cargo", "test")
	c.Must("cargo", "doc", "--no-deps")
	c.Must("cargo", "check", "--all-targets")
	c.Must("cargo", "install", "--path", "app", "--root", w.in("root").Dir)
	if got := c.Says(w.in("root").Path("bin/app")); got != "lib made" {
		t.Errorf("what was installed says %q", got)
	}
	c.Must("cargo", "package", "--offline", "--allow-dirty", "-p", "lib") // and builds what it has packed
	if !fixture.Exists(c.Target("package/lib-0.1.0.crate")) {
		t.Error("nothing was packed")
	}
	// As rust-analyzer does, which may come first in a checkout, in a directory of its own.
	analyzer := []string{"check", "--workspace", "--all-targets", "--message-format=json", "--keep-going"}
	c.Must("cargo", analyzer...)
	if got := c.Compiled(analyzer...); len(got) > 0 {
		t.Errorf("an editor's second check has compiled %q", got)
	}
	w.wantCovered(c)
	w.wantCovered(w.worktree("covered")) // from what was built in the other
	off := w.worktree("off").With("CARGO_COW=off")
	if got := off.Compiled("build"); len(got) != 4 {
		t.Errorf("with the wrapper off it has compiled %q", got)
	}
	wantSays(off, "lib")
	c.Must("cargo", "clean")
	if fixture.Exists(c.Target()) {
		t.Error("cargo clean has left the build directory")
	}
	wantSays(c, "lib")
	w.origin.Must("git", "worktree", "remove", "--force", c.Dir)
	if fixture.Exists(c.Dir) {
		t.Error("git worktree remove has left the worktree")
	}
}

// fork puts forks into the pool by itself, and takes them away again.
func TestFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t).pooled()
	w.origin.Must(fixture.Program(t), "fork", "2")
	for _, name := range []string{"origin-fork-1", "origin-fork-2"} {
		wantWarm(w.in(name))
	}
	if said := w.origin.Must(fixture.Program(t), "--json", "fork", "--list").Stdout; strings.Count(said, `"unchanged"`) != 2 {
		t.Errorf("listed are %s", said)
	}
	w.origin.Must(fixture.Program(t), "fork", "--remove")
	if left, err := filepath.Glob(w.in("*fork*").Dir); err != nil || len(left) > 0 {
		t.Errorf("left are %q, %v", left, err)
	}
	// A pool that is not mounted is told of, and the forks are made all the same.
	if err := syscall.Unmount(w.Path("pool"), 0); err != nil {
		t.Fatal(err)
	}
	r := w.origin.Must(fixture.Program(t), "fork")
	if !strings.Contains(r.Stderr, "the pool is not mounted") || !strings.Contains(r.Stderr, "pool mount") {
		t.Errorf("it says %s", r.Stderr)
	}
	beside := w.At("origin-fork-1")
	beside.User = w.User
	wantSays(beside, "lib")
	if entries, err := os.ReadDir(w.Path("pool")); err != nil || len(entries) > 0 {
		t.Errorf("in the place of the pool are %v, %v", entries, err)
	}
}

// Who may not, is told what to do; who may, gets a pool, once.
func TestCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	program := fixture.Program(t)
	for _, args := range [][]string{{"create"}, {"path"}, {"status"}, {"mount"}, {"grow", "5GB"}, {"trim"}, {"remove"}} {
		r := w.origin.Run(program, append([]string{"pool"}, args...)...)
		if r.Code == 0 || !strings.Contains(r.Stderr, "help: sudo "+program+" pool ") {
			t.Errorf("pool %q: %v", args, r)
		}
	}
	w.root.Must(program, "pool", "create", "--size", "2GB")
	w.root.Must(program, "pool", "create")
	if got := w.origin.Says(program, "pool", "path"); got != w.Path("pool/someone") {
		t.Errorf("the path is %q", got)
	}
	if r := w.origin.Run(program, "pool", "status"); r.Code != 0 {
		t.Errorf("as it was made it has problems: %v", r)
	}
	if r := w.origin.Run(program, "doctor"); r.Code != 0 || !strings.Contains(r.Stdout, "fine  pool       "+w.Path("pool")) {
		t.Errorf("doctor: %v", r)
	}
	w.root.Must(program, "pool", "grow", "3GB")
	w.root.Must(program, "pool", "trim")
	w.in(".").Must("touch", "file")
	w.root.Must("mkdir", "pool/.hidden")
	r := w.root.Run(program, "pool", "remove")
	if r.Code == 0 || !strings.Contains(r.Stderr, "someone/file") || !strings.Contains(r.Stderr, ".hidden") {
		t.Errorf("with a file in it: %v", r)
	}
	w.root.Must(program, "pool", "remove", "--force")
	if r := w.origin.Run(program, "pool", "path"); r.Code != 4 {
		t.Errorf("it has gone: %v", r)
	}
}

// What --print prints does the same.
func TestPrint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	program := fixture.Program(t)
	script := w.root.Must(program, "pool", "create", "--size", "2GB", "--print").Stdout
	if fixture.Exists(w.Path("pool")) {
		t.Error("something was made")
	}
	w.root.Must("sh", "-ec", script)
	t.Cleanup(func() { _ = syscall.Unmount(w.Path("pool"), 0) })
	if r := w.origin.Run(program, "pool", "status"); r.Code != 0 {
		t.Errorf("by hand: %v", r)
	}
	w.in(".").Must("touch", "file")
	w.root.Must(program, "pool", "create") // goes on from there
	w.root.Must(program, "pool", "remove", "--force")
}

// wantCovered has tests tell what they have covered, and the compiler's tools say where that is: in the checkout itself.
func (w *world) wantCovered(c *fixture.Checkout) {
	w.T.Helper()
	cover := c.With("RUSTFLAGS=-Cinstrument-coverage", "LLVM_PROFILE_FILE="+c.Path("%p.profraw"))
	cover.Must("cargo", "test")
	tool := func(name string, args ...string) string {
		w.T.Helper()
		found, err := filepath.Glob(filepath.Join(filepath.Dir(w.Dir), "toolchain/lib/rustlib/*/bin", name))
		if err != nil || len(found) != 1 {
			w.T.Fatalf("%s: %q, %v", name, found, err)
		}
		return cover.Must(found[0], args...).Stdout
	}
	raw, err := filepath.Glob(c.Path("*.profraw"))
	if err != nil || len(raw) < 2 {
		w.T.Fatalf("of what ran there are only %q, %v", raw, err)
	}
	tool("llvm-profdata", append([]string{"merge", "--sparse", "--output=" + c.Path("all.profdata")}, raw...)...)
	tests := cover.Build("test", "--no-run").Executables
	if tests["runs"] == "" {
		w.T.Fatalf("there are tests %q", tests)
	}
	covered := false
	for _, name := range []string{"runs", "lib"} {
		var report struct {
			Data []struct {
				Files []struct {
					Filename string
					Summary  struct{ Lines struct{ Count, Covered int } }
				}
			}
		}
		text := tool("llvm-cov", "export", "--summary-only", "--instr-profile="+c.Path("all.profdata"), tests[name])
		if err := json.Unmarshal([]byte(text), &report); err != nil || len(report.Data) != 1 {
			w.T.Fatalf("%v: %s", err, text)
		}
		for _, f := range report.Data[0].Files {
			if strings.HasSuffix(f.Filename, "/lib/src/lib.rs") && !strings.HasPrefix(f.Filename, c.Dir+"/") && strings.HasPrefix(f.Filename, w.Dir) {
				w.T.Errorf("in %s what was covered is said to lie in %s", c.Dir, f.Filename)
			}
			covered = covered || f.Filename == c.Path("lib/src/lib.rs") && f.Summary.Lines.Covered > 0
		}
	}
	if !covered {
		w.T.Errorf("nothing of %s was covered", c.Path("lib/src/lib.rs"))
	}
}
