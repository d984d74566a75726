package survival

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// day is what a user does on an ordinary day, every step with the state it must
// leave. Nothing is compiled but what was edited.
func day(w *world, driver string) {
	t := w.T
	p := w.origin
	p.Must("cargo", "build", "--quiet")
	p.mark("layer")
	if a := p.cow("init"); a["driver"] != driver || a["taken_over"] != (driver == "btrfs") {
		t.Errorf("init says %v, want driver %s", a, driver)
	}
	p.builds(nil, "first")
	if a := p.cow("snapshot", "--label=first"); a["created"] != true || a["dirty"] != 0.0 {
		t.Errorf("snapshot says %v", a)
	}

	b := w.checkout("b")
	if a := b.cow("restore"); a["rebuild"] != 0.0 {
		t.Errorf("restore says %v", a)
	}
	b.builds(nil, "first")
	edited(b)
	b.builds([]string{"bin app"}, "second")
	b.mark("mine")

	// Each of the two deletes what an earlier restore has replaced.
	for range 2 {
		b.cow("restore", "--from=first")
		if b.marked() != "layer" {
			t.Errorf("after the restore the build directory is marked %q", b.marked())
		}
		b.cow("undo")
		if b.marked() != "mine" {
			t.Errorf("after the undo the build directory is marked %q", b.marked())
		}
		b.builds(nil, "second")
	}
	b.cow("snapshot", "--label=second")
	b.tidy()
	p.checks()

	// What is thrown away by hand comes back from the layers.
	b.Must("cargo", "clean", "--quiet")
	b.cow("restore")
	b.builds(nil, "second")
	b.Must("rm", "-rf", b.Target(), b.Path("target.cargo-cow-undo"))
	b.cow("restore", "--from=second")
	b.builds(nil, "second")
	b.Must("cargo", "clean", "--quiet")
	b.Must("cargo", "build", "--quiet")
	b.cow("snapshot")
	b.builds(nil, "second")
	b.cow("rm", "--wait", "second")
	b.builds(nil, "second")
	b.tidy()
	p.checks()
	w.origin.Must("git", "worktree", "remove", "--force", b.Dir)
	if a := p.cow("prune", "--gone-worktrees"); a["removed"] != 0.0 {
		t.Errorf("prune of layers just made says %v", a)
	}
	if fixture.Exists(b.Dir) {
		t.Error("git could not remove the worktree")
	}
}

func TestBtrfs(t *testing.T) {
	t.Parallel()
	day(newWorld(t, loopfs.Btrfs(t)), "btrfs")
}

func TestReflinkDriver(t *testing.T) {
	t.Parallel()
	day(newWorld(t, loopfs.XFS(t)), "reflink")
}

// Without shared data the store goes to the user's cache, which may be on
// another file system.
func TestCopyDriver(t *testing.T) {
	t.Parallel()
	cache := loopfs.Ext4(t)
	w := newWorld(t, loopfs.Ext4(t), "CARGO_COW_STORE=", "XDG_CACHE_HOME="+cache)
	w.store = filepath.Join(cache, "cargo-cow")
	day(w, "copy")
}

// A user without privilege, on a mount that lets nobody but root delete
// subvolumes.
func TestUnprivileged(t *testing.T) {
	t.Parallel()
	const uid = 31000
	w := newWorldAs(t, &syscall.Credential{Uid: uid, Gid: uid}, loopfs.Btrfs(t, loopfs.Owner(uid)), userEnv(t, uid)...)
	day(w, "btrfs")

	// What belongs to root is refused, with a way out.
	b := w.checkout("c")
	foreign := filepath.Join(w.Dir, "foreign")
	if err := os.Mkdir(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	fails(t, b.TryCow("--store", foreign, "init"), 1, "it belongs to user root", "--store DIR")
	if err := os.Mkdir(b.Target(), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"init", "snapshot", "restore"} {
		fails(t, b.TryCow(args), 1, "it belongs to user root", "chown -R 31000 "+b.Target())
	}
	b.tidy()
}

// userEnv is an environment for another user: a home of its own, and the
// toolchain, which may lie in a home the user cannot enter, under another name.
func userEnv(t *testing.T, uid int) []string {
	t.Helper()
	base, err := os.MkdirTemp("", "cargo-cow-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	toolchain, home := filepath.Join(base, "toolchain"), filepath.Join(base, "home")
	for _, err := range []error{os.Chmod(base, 0o755), os.Mkdir(home, 0o755), os.Chown(home, uid, uid)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	fixture.ShowToolchain(t, toolchain)
	return []string{"HOME=" + home, "CARGO_HOME=" + filepath.Join(home, ".cargo"), "PATH=" + toolchain + "/bin:/usr/local/bin:/usr/bin:/bin"}
}
