package survival

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// sudoWorld is one of a user's, who has the wrapper on and this program act by itself; it returns
// root, as whom everything is called by mistake with the user's environment: sudo -E.
func sudoWorld(t *testing.T) (w *world, root *checkout) {
	const uid = 31000
	top := loopfs.Btrfs(t, loopfs.Owner(uid), loopfs.Size(4<<30))
	env := append(userEnv(t, uid), "CARGO_COW_STORE=", "RUSTC_WRAPPER="+fixture.Wrapper(t), fixture.InPath(t))
	// The toolchain that the user sees goes before the one that root has.
	for i, v := range env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok && i < len(env)-1 {
			env[len(env)-1] = "PATH=" + filepath.Dir(fixture.Program(t)) + ":" + path
		}
	}
	w = newWorldAs(t, &syscall.Credential{Uid: uid, Gid: uid}, top, env...).sealed()
	automatic := filepath.Join(fixture.Variable(w.Env, "HOME"), ".local/share/cargo-cow/automatic")
	w.origin.Must("mkdir", "-p", filepath.Dir(automatic))
	w.origin.Must("touch", automatic)
	return w, w.origin.asRoot()
}

// asRoot is the checkout as root works in it.
func (c *checkout) asRoot() *checkout {
	root := *c.Checkout
	root.User = nil
	return &checkout{Checkout: &root, w: c.w}
}

// roots lists what belongs to root below the world and the user's home.
func (w *world) roots() (list []string) {
	for _, dir := range []string{w.Dir, fixture.Variable(w.Env, "HOME")} {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if info, err := os.Lstat(path); err == nil && info.Sys().(*syscall.Stat_t).Uid == 0 {
				list = append(list, path)
			}
			return nil
		})
	}
	return list
}

// With sudo by mistake nothing of root's comes to be in a user's checkout, store or home: what
// changes something is refused, and what tells goes on as the user.
func TestSudo(t *testing.T) {
	t.Parallel()
	w, root := sudoWorld(t)
	before := w.roots()
	for _, args := range [][]string{
		{"init", "--hook"}, {"snapshot"}, {"restore"}, {"restore", "--from=latest"}, {"undo"}, {"graft"}, {"switch", "main"}, {"fork", "1"},
		{"run", "--", "true"}, {"rm", "latest"}, {"prune"}, {"label", "latest", "x"}, {"pin", "latest"}, {"adopt", "."}, {"dedupe", "."}, {"check"},
		{"enable"}, {"disable"}, {"wrapper", "enable"}, {"hook", "install"}, {"warehouse", "verify", "--repair"}, {"verify"},
		{"store", "move", "../elsewhere"}, {"store", "remove", "--force"},
	} {
		r := root.TryCow(args...)
		fails(t, r, 1, "as root: the checkout in", "without sudo")
		if now := w.roots(); !slices.Equal(now, before) {
			t.Fatalf("%q leaves of root's %q", args, now)
		}
	}
	for _, args := range [][]string{{"status"}, {"list"}, {"show", "latest"}, {"du"}, {"explain"}, {"stats"}, {"doctor"}, {"store", "list"}, {"store", "show"}} {
		r := root.TryCow(args...)
		if r.Code != 0 && args[0] != "doctor" {
			t.Errorf("%q: %v", args, r)
		}
		if now := w.roots(); !slices.Equal(now, before) {
			t.Fatalf("%q leaves of root's %q", args, now)
		}
	}
	if w.origin.TryCow("list").Stdout == "" {
		t.Error("the user's layer is gone")
	}
	w.origin.builds(nil, "first")
}

// A build with sudo leaves root's files where cargo writes, and nowhere else; nothing is restored
// for it, and nothing taken from or put into the user's store.
func TestSudoBuild(t *testing.T) {
	t.Parallel()
	w, _ := sudoWorld(t)
	fresh := w.checkout("fresh")
	edited(fresh)
	before := w.roots()
	if r := fresh.asRoot().with("SUDO_UID=31000").Run("cargo", "build", "--quiet", "--offline"); r.Code != 0 {
		t.Fatal(r)
	}
	now := slices.DeleteFunc(w.roots(), func(path string) bool {
		return slices.Contains(before, path) || strings.HasPrefix(path, fresh.Target()) || strings.HasPrefix(path, fixture.Variable(w.Env, "HOME")+"/.cargo")
	})
	if len(now) > 0 {
		t.Errorf("of root's are %q", now)
	}
	if fixture.Exists(filepath.Join(fresh.Target(), ".cargo-cow")) {
		t.Error("its build directory was restored")
	}
	if !fixture.Exists(fresh.Target("debug")) {
		t.Error("nothing was built")
	}
}

// git's hook says so, and git's command succeeds.
func TestSudoHook(t *testing.T) {
	t.Parallel()
	w, root := sudoWorld(t)
	w.origin.cow("init", "--hook")
	before := w.roots()
	r := root.Run("git", "-c", "safe.directory=*", "worktree", "add", "--quiet", w.Path("added"))
	if r.Code != 0 || !strings.Contains(r.Stderr, "cargo-cow: run `cargo cow restore` as root: the checkout in") {
		t.Errorf("git worktree add: %v", r)
	}
	if fixture.Exists(w.Path("added/target")) {
		t.Error("it was restored")
	}
	for _, path := range w.roots() {
		if !slices.Contains(before, path) && strings.Contains(path, "cargo-cow") {
			t.Errorf("%s is root's", path)
		}
	}
}
