package survival

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// A roll-back of the system puts an old snapshot in the place of the home. What
// lay in subvolumes inside are stubs then, and the kernel forces the whole file
// system read-only where one is exchanged: so each command is run after a roll-back
// of its own, and the file system must be writable afterwards.
func TestRollBack(t *testing.T) {
	t.Parallel()
	for _, uid := range []int{0, 31000} {
		t.Run(fmt.Sprint("user ", uid), func(t *testing.T) {
			t.Run("store outside", func(t *testing.T) { rollBackStoreOutside(t, newHome(t, uid, "../store")) })
			t.Run("store inside", func(t *testing.T) { rollBackStoreInside(t, newHome(t, uid, "store")) })
			t.Run("layers inside", func(t *testing.T) { rollBackLayersInside(t, newHome(t, uid, "plain")) })
		})
	}
}

// A home is a subvolume that holds a checkout: built, sealed as "first", restored
// once, and sealed on another branch, too.
type home struct {
	*world
	uid   int
	p     *checkout
	mount string
}

func newHome(t *testing.T, uid int, store string) *home {
	t.Helper()
	var (
		cred *syscall.Credential
		env  []string
	)
	if uid != 0 {
		cred, env = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}, userEnv(t, uid)
	}
	mount := loopfs.Btrfs(t, loopfs.Owner(uid))
	dir := filepath.Join(mount, "home")
	loopfs.Subvolume(t, dir)
	if store == "plain" { // a store in a directory that its user has made
		if err := os.Mkdir(filepath.Join(dir, store), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, store)} {
		if err := os.Chown(path, uid, uid); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	store = filepath.Join(dir, store)
	w := newWorldAs(t, cred, dir, append(env, "CARGO_COW_STORE="+store)...)
	w.store = store
	p := w.origin
	p.cow("init", "--hook")
	p.Must("cargo", "build", "--quiet")
	p.cow("snapshot", "--label=first")
	p.cow("restore")
	p.Must("git", "switch", "--quiet", "--create=other")
	p.Write("app/src/main.rs", mainRS("other"))
	p.Must("git", "commit", "--quiet", "--all", "--message=other")
	p.Must("cargo", "build", "--quiet")
	p.cow("snapshot", "--label=other")
	p.Must("git", "switch", "--quiet", "main")
	p.cow("hook", "install", "--switch")
	return &home{w, uid, p, mount}
}

// rollBack leaves stubs of the names given.
func (h *home) rollBack(names ...string) {
	h.T.Helper()
	loopfs.RollBack(h.T, h.Dir)
	for _, name := range names {
		if stub, err := driver.IsStub(filepath.Join(h.Dir, name)); !stub || err != nil {
			h.T.Fatalf("after the roll-back %s is no stub (%v)", name, err)
		}
	}
}

func (h *home) writable(t *testing.T, after ...string) {
	t.Helper()
	unix.Sync() // an aborted transaction shows at the latest now
	if err := os.WriteFile(filepath.Join(h.mount, "writable"), nil, 0o666); err != nil {
		t.Fatalf("after %q the file system is read-only: %v", after, err)
	}
}

func rollBackStoreOutside(t *testing.T, h *home) {
	p := h.p.in(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"status"}, 0, "rolled_back"},
		{[]string{"explain"}, 1, "roll-back"},
		{[]string{"snapshot"}, 1, "cargo cow restore"},
		{[]string{"undo"}, 4, "nothing to undo"},
		{[]string{"graft"}, -1, ""},
		{[]string{"restore", "--dry-run"}, 0, ""},
		{[]string{"restore"}, 0, ""},
		{[]string{"init"}, 0, ""},
		{[]string{"switch", "--", "--detach", "other"}, 0, ""},
		{[]string{"run", "--wait", "cargo", "build", "--quiet"}, 0, ""},
		{[]string{"check"}, 0, "clean"},
	} {
		h.rollBack("a/target")
		r := p.TryCow(c.args...)
		if c.code >= 0 && r.Code != c.code || !strings.Contains(r.Stdout+r.Stderr, c.says) {
			t.Errorf("%q after a roll-back, want exit code %d and %q: %v", c.args, c.code, c.says, r)
		}
		h.writable(t, c.args...)
		p.cow("restore", "--from=first")
		p.Must("git", "switch", "--quiet", "main")
	}

	// The tree that a restore had replaced was taken along, too, and must not be
	// taken for one that a crash has left.
	p.cow("restore", "--from=first")
	p.cow("restore", "--from=other")
	h.rollBack("a/target", "a/target.cargo-cow-undo")
	p.cow("restore", "--from=first")
	if fixture.Exists(p.Path("target.cargo-cow-undo")) {
		t.Error("a stub is kept for undo")
	}
	h.writable(t, "restore")

	h.rollBack("a/target")
	p.Must("git", "switch", "--quiet", "other")
	h.writable(t, "git switch")
	p.builds(nil, "other")
	p.Must("git", "switch", "--quiet", "main")

	h.rollBack("a/target")
	p.Must("git", "worktree", "add", "--quiet", "--detach", filepath.Join(h.Dir, "b"))
	h.writable(t, "git worktree add")
	h.at("b").in(t).builds(nil, "first")

	// What was rolled back is the build directory itself, with a subvolume inside.
	p.cow("restore", "--from=first")
	if err := os.RemoveAll(p.Target("debug")); err != nil {
		t.Fatal(err)
	}
	loopfs.Subvolume(t, p.Target("debug"))
	h.Own(p.Target("debug"), h.uid)
	p.Must("cargo", "build", "--quiet", "--release")
	loopfs.RollBack(t, p.Target())
	p.cow("snapshot", "--label=hollow")
	h.writable(t, "snapshot")
	p.builds([]string{"bin app", "custom-build build-script-build", "lib liba"}, "first")
	p.cow("restore", "--from=hollow")
	p.Must("cargo", "build", "--quiet")
	p.cow("rm", "--wait", "hollow")

	// The directory around the build directory is one.
	around := filepath.Join(h.Dir, "builds")
	loopfs.Subvolume(t, around)
	h.Own(around, h.uid)
	deep := p.with("CARGO_TARGET_DIR=" + filepath.Join(around, "deep/target"))
	for _, args := range [][]string{{"restore"}, {"init"}} {
		h.rollBack("builds")
		deep.cow(args...)
		h.writable(t, args...)
		if err := os.RemoveAll(around); err != nil {
			t.Fatal(err)
		}
		loopfs.Subvolume(t, around)
		h.Own(around, h.uid)
	}
}

func rollBackStoreInside(t *testing.T, h *home) {
	p := h.p.in(t)
	h.rollBack("a/target", "store")
	for _, args := range [][]string{
		{"status"}, {"list"}, {"check"}, {"check", "--repair"}, {"explain"}, {"restore"}, {"undo"}, {"snapshot"}, {"rm", "first"},
	} {
		fails(t, p.TryCow(args...), 1, "roll-back", "cargo cow init")
		h.writable(t, args...)
	}
	for _, args := range [][]string{{"worktree", "add", "--quiet", "../b"}, {"switch", "--quiet", "other"}} {
		if r := p.Run("git", args...); r.Code != 0 || r.Stderr != "" {
			t.Errorf("git %q: %v", args, r)
		}
		h.writable(t, args...)
	}
	p.cow("init")
	h.writable(t, "init")
	p.Must("cargo", "build", "--quiet")
	p.cow("snapshot")
	p.cow("restore")
	p.builds(nil, "other")
	p.checks()
	p.tidy()
}

func rollBackLayersInside(t *testing.T, h *home) {
	p := h.p.in(t)
	h.rollBack("a/target")
	if a := p.cow("status"); a["lost"] != 2.0 || a["layers"] != 0.0 {
		t.Errorf("status: %v", a)
	}
	fails(t, p.TryCow("restore"), 4, "roll-back", "check --repair")
	fails(t, p.TryCow("restore", "--from=first"), 4, "roll-back", "check --repair")
	fails(t, p.TryCow("rm", "--wait", "first"), 4, "roll-back", "check --repair")
	if r := p.TryCow("check"); r.Code != 1 || !strings.Contains(r.Stdout, "roll-back") {
		t.Errorf("check: %v", r)
	}
	if r := p.Run("git", "worktree", "add", "--quiet", "../b"); r.Code != 0 || r.Stderr != "" {
		t.Errorf("git worktree add: %v", r)
	}
	h.writable(t, "all")
	if r := p.TryCow("check", "--repair"); r.Code != 0 {
		t.Errorf("check --repair: %v", r)
	}
	p.checks()
	p.cow("init")
	p.Must("cargo", "build", "--quiet")
	p.cow("snapshot")
	p.cow("restore")
	p.builds(nil, "first")
	h.writable(t, "restore")
	p.tidy()
}
