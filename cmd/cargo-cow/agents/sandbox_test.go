package agents

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// mounted runs a cargo in a mount namespace of its own, in the directory at, after a script has
// mounted there what it has to see.
func mounted(c *fixture.Checkout, mounts, at string, args ...string) fixture.Result {
	c.T.Helper()
	// From where nothing keeps busy what is mounted over.
	from := *c
	from.Dir = "/"
	script := `set -e; ` + mounts + `; cd "$0"; exec cargo "$@"`
	return from.Run("unshare", append([]string{"--mount", "--propagation=private", "sh", "-c", script, at}, args...)...)
}

// homeIn is the environment of a user with a home in which all is that this program and cargo
// keep, at the usual places.
func homeIn(w *world) []string {
	return []string{"HOME=" + w.Path("home"), "RUSTUP_HOME=" + rustupHome(), "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "XDG_CACHE_HOME=", "CARGO_HOME=" + w.Path("home/.cargo")}
}

func rustupHome() string {
	if dir := os.Getenv("RUSTUP_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(os.Getenv("HOME"), ".rustup")
}

// In a sandbox that lets an agent read its user's home and write to the checkouts alone, a
// worktree is warm: the store is beside the checkouts. That holds also where the sandbox's is the
// first build of all, which makes the store.
func TestReadOnlyHome(t *testing.T) {
	table := map[string]bool{"built outside": true, "all in the sandbox": false}
	for name, outside := range table {
		t.Run(name, func(t *testing.T) {
			byTurns(t, turn(table, name), func(t *testing.T, w *world) {
				w.Write("home/.local/share/cargo-cow/automatic", "")
				w.Must(".", nil, "mv", w.Path("cargo"), w.Path("home/.cargo"))
				w.Env = append(w.Env, homeIn(w)...)
				w.origin.Env = w.Env
				w.origin.Repository()
				w.origin.Must("cargo", "fetch")
				const readOnly = `mount --bind "$HOME" "$HOME"; mount -o remount,bind,ro "$HOME"; ! touch "$HOME/x" 2>/dev/null`
				before := tree(t, w.Path("home"))
				if outside {
					w.origin.Must("cargo", "build")
				} else if got := fixture.Compiled(t, mounted(w.origin, readOnly, w.origin.Dir, "build", "--message-format=json")); len(got) == 0 {
					t.Error("the first one builds nothing")
				}
				c := w.origin.Worktree("place")
				got := fixture.Compiled(t, mounted(c, readOnly, c.Dir, "build", "--message-format=json"))
				if len(got) > 0 || !fixture.IsRestored(c.Target()) {
					t.Errorf("built %q, restored: %v", got, fixture.IsRestored(c.Target()))
				}
				if after := tree(t, w.Path("home")); !outside && !slices.Equal(after, before) {
					t.Errorf("the home had %q and has %q", before, after)
				}
				wantTidy(c)
				wantRight(c, "sandbox")
			})
		})
	}
}

func tree(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The same as a user without privileges, whose home is another's.
func TestReadOnlyHomeUnprivileged(t *testing.T) {
	const uid = 31000
	base, err := os.MkdirTemp("", "cargo-cow-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	fixture.ShowToolchain(t, base+"/toolchain")
	top := loopfs.Btrfs(t, loopfs.Size(4<<30), loopfs.Owner(uid))
	w := newWorldIn(t, top, &syscall.Credential{Uid: uid, Gid: uid},
		"HOME="+base, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "XDG_CACHE_HOME=",
		"PATH="+filepath.Dir(fixture.Program(t))+":"+base+"/toolchain/bin:/usr/local/bin:/usr/bin:/bin")
	home := fixture.Directory{T: t, Dir: base}
	home.Write(".local/share/cargo-cow/automatic", "")
	w.repository()
	c := w.origin.Worktree("place")
	wantWarm(c, "build")
	wantRight(c, "sandbox")
	if fixture.Exists(base + "/.cache") {
		t.Error("the home has a cache now")
	}
}

// A container that has a checkout mounted at another path: what is built at the one path cargo
// finds fresh at the other, as it would without this program, and what is edited is built.
func TestMountedElsewhere(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.repository()
		at := mountPoint(t)
		mount := `mount --bind "` + w.origin.Dir + `" "` + at + `"`
		if got := fixture.Compiled(t, mounted(w.origin, mount, at, "build", "--message-format=json")); len(got) > 0 {
			t.Errorf("in the container cargo builds %q", got)
		}
		if got := ran(w.origin, "build"); len(got) > 0 {
			t.Errorf("back in the terminal cargo builds %q", got)
		}
		w.origin.Edit("lib/src/lib.rs", `"lib"`, `"edited"`)
		mounted(w.origin, mount, at, "build")
		if got := w.origin.Says("cargo", "run", "--quiet"); got != "edited 1.0.0 5" {
			t.Errorf("the program says %q", got)
		}
		if r := mounted(w.origin, mount, at, "run", "--quiet"); r.Stdout != "edited 1.0.0 5\n" {
			t.Errorf("in the container the program says %v", r)
		}
	})
}

// A worktree that is mounted elsewhere before anything is built in it is warm, though it has
// another path there. What is removed there does not come back by itself, whether or not that can
// be noted in the repository.
func TestWorktreeMountedElsewhere(t *testing.T) {
	table := map[string]string{
		"all else at its path":     `:`,
		"the repository read-only": `mount --bind "$REPOSITORY" "$REPOSITORY"; mount -o remount,bind,ro "$REPOSITORY"`,
		"without the repository":   `mount -t tmpfs none "$REPOSITORY"`,
	}
	for name, also := range table {
		t.Run(name, func(t *testing.T) {
			byTurns(t, turn(table, name), func(t *testing.T, w *world) {
				w.repository()
				c := w.origin.Worktree("place")
				at := mountPoint(t)
				mount := `mount --bind "` + c.Dir + `" "` + at + `"; REPOSITORY="` + w.origin.Dir + `/.git"; ` + also
				if got := fixture.Compiled(t, mounted(c, mount, at, "build", "--message-format=json")); len(got) > 0 || !fixture.IsRestored(c.Target()) {
					t.Errorf("built %q, restored: %v", got, fixture.IsRestored(c.Target()))
				}
				wantTidy(c)
				wantRight(c, "container")
				mounted(c, mount, at, "clean")
				got := fixture.Compiled(t, mounted(c, mount, at, "build", "--message-format=json"))
				if !slices.Contains(got, "four/four/lib") || fixture.IsRestored(c.Target()) {
					t.Errorf("after cargo clean: built %q, restored: %v", got, fixture.IsRestored(c.Target()))
				}
			})
		})
	}
}

// A container that sees one checkout and nothing around it has a store in there, which git does
// not see: worktrees inside the checkout are warm.
func TestContainerAlone(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.origin.Repository()
		at, keep := mountPoint(t), mountPoint(t)
		alone := `mount --bind "` + w.origin.Dir + `" "` + at + `"; mount -t tmpfs none "` + keep + `"
			for d in cargo registry data; do mkdir "` + keep + `/$d"; mount --bind "` + w.Dir + `/$d" "` + keep + `/$d"; done
			mount -t tmpfs none "` + filepath.Dir(w.Dir) + `"; mkdir "` + w.Dir + `"
			for d in cargo registry data; do mkdir "` + w.Dir + `/$d"; mount --bind "` + keep + `/$d" "` + w.Dir + `/$d"; done`
		if got := fixture.Compiled(t, mounted(w.origin, alone, at, "build", "--message-format=json")); len(got) == 0 {
			t.Error("nothing is built")
		}
		if seen := w.origin.Says("git", "status", "--short"); seen != "" {
			t.Errorf("git sees %s", seen)
		}
		worktree := alone + `; cd "` + at + `"; git worktree add --quiet --detach .agents/worktrees/x`
		inside := w.At("origin/.agents/worktrees/x")
		got := fixture.Compiled(t, mounted(w.origin, worktree, at+"/.agents/worktrees/x", "build", "--message-format=json"))
		if len(got) > 0 || !fixture.IsRestored(inside.Target()) {
			t.Errorf("built %q, restored: %v", got, fixture.IsRestored(inside.Target()))
		}
		wantTidy(inside)
	})
}

// mountPoint is an empty directory on another file system than the world's.
func mountPoint(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "workspaces-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	return dir
}
