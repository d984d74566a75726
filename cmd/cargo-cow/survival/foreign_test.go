package survival

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// A build with sudo leaves directories of root in a user's build directory: the
// user cannot write in them, nor remove them, in a snapshot as little as there.
func TestBuiltWithSudo(t *testing.T) {
	t.Parallel()
	const uid = 31000
	w := newWorldAs(t, &syscall.Credential{Uid: uid, Gid: uid}, loopfs.Btrfs(t, loopfs.Owner(uid)), userEnv(t, uid)...)
	p := w.sealed().origin

	t.Run("a profile that cannot be locked", func(t *testing.T) {
		p := p.in(t)
		p.sudo("umask 022; cargo build --quiet --release; rm -f target/release/.cargo-build-lock")
		p.foreign("release", true)
		if says := p.TryCow("status"); says.Code != 0 || !strings.Contains(says.Stdout, `"foreign":["`+p.Target("release")+`"]`) {
			t.Errorf("status: %v", says)
		}
		p.Write("app/src/main.rs", mainRS("second"))
		p.Must("cargo", "build", "--quiet")
		a := p.cow("snapshot")
		if a["created"] != true || !strings.Contains(p.TryCow("snapshot").Stdout, `"foreign":["`+p.Target("release")+`"]`) {
			t.Errorf("snapshot does not name what it left out: %v", a)
		}
		b := w.checkout("b").in(t)
		b.Write("app/src/main.rs", mainRS("second"))
		b.cow("restore")
		b.foreign("release", false)
		b.builds(nil, "second")

		// What is replaced is kept for undo, and then deleted by whom it belongs to.
		p.cow("restore")
		p.builds(nil, "second")
		p.cow("undo")
		p.foreign("release", true)
		p.cow("restore")
		p.Write("app/src/main.rs", mainRS("other"))
		p.Must("cargo", "build", "--quiet")
		p.Write("app/src/main.rs", mainRS("second"))
		p.cow("restore")
		if says := p.TryCow("status"); says.Code != 0 || !strings.Contains(says.Stdout, `"undeletable":["`) {
			t.Errorf("status: %v", says)
		}
		p.builds(nil, "second")
		p.checks()
		p.sudo("rm -rf .target.cargo-cow-tmp-*")
		p.tidy()
	})

	t.Run("a profile that can be locked", func(t *testing.T) {
		p := p.in(t)
		p.sudo("umask 022; cargo build --quiet --release; touch target/release/.cargo-lock target/release/.cargo-build-lock")
		layer := p.cow("snapshot")["layer"].(string)
		filepath.WalkDir(filepath.Join(w.store, "layers", layer), func(path string, d fs.DirEntry, err error) error {
			if fi, statErr := os.Lstat(path); err != nil || statErr != nil || fi.Sys().(*syscall.Stat_t).Uid != uid {
				t.Errorf("in the layer %s is not the user's (%v)", path, err)
			}
			return nil
		})
		p.cow("restore", "--from="+layer)
		p.foreign("release", false)
		p.Must("cargo", "build", "--quiet", "--release")
		p.cow("rm", "--wait", layer)
		p.sudo("rm -rf .target.cargo-cow-* target.cargo-cow-undo")
	})

	// Root's units among the user's.
	t.Run("the same profile", func(t *testing.T) {
		p := p.in(t)
		p.Write("app/src/main.rs", mainRS("third"))
		p.sudo("umask 022; RUSTFLAGS=-Cdebuginfo=1 cargo build --quiet")
		p.cow("restore")
		p.cow("undo")
		p.Write("app/src/main.rs", mainRS("second"))
		layer := p.cow("snapshot")["layer"].(string)
		p.cow("restore", "--from="+layer)
		p.builds(nil, "second")
		p.cow("rm", "--wait", layer)
		p.sudo("rm -rf .target.cargo-cow-* target.cargo-cow-undo")
	})

	// Whether somebody builds there cannot be known.
	t.Run("a profile that cannot be read", func(t *testing.T) {
		p := p.in(t)
		p.cow("restore")
		p.sudo("rm -rf target/release; umask 077; cargo build --quiet --release")
		remedy := "sudo chown -R 31000 " + p.Target("release")
		for _, args := range []string{"restore", "undo"} {
			fails(t, p.TryCow(args), 1, "another user", remedy)
			p.foreign("release", true)
		}
		p.cow("status")
		p.Write("app/src/main.rs", mainRS("fourth"))
		p.Must("cargo", "build", "--quiet")
		p.cow("snapshot")
		p.builds(nil, "fourth")
		p.tidy()
		p.sudo("chown -R 31000 target/release")
		p.cow("restore")
		p.builds(nil, "fourth")
	})

	t.Run("a unit", func(t *testing.T) {
		p := p.in(t)
		p.sudo("chown root target/debug/.fingerprint/*/*.json; chmod 600 target/debug/.fingerprint/*/*.json")
		for _, args := range []string{"snapshot", "explain"} {
			fails(t, p.TryCow(args), 1, "another user", "sudo chown -R 31000 "+p.Target("debug"))
		}
		p.cow("status")
		p.cow("restore")
		p.builds(nil, "fourth")
	})

	t.Run("all of it", func(t *testing.T) {
		p := p.in(t)
		p.sudo("chown -R root target")
		remedy := "sudo chown -R 31000 " + p.Target()
		for _, args := range []string{"init", "snapshot", "restore", "status"} {
			r := p.TryCow(args)
			fails(t, r, 1, "it belongs to user root", remedy)
			if strings.Contains(r.Stdout, "tidy up") {
				t.Errorf("%s tells of a part of it: %v", args, r)
			}
		}
		if r := p.TryCow("run", "--", "true"); r.Code != 0 || !strings.Contains(r.Stderr, remedy) {
			t.Errorf("run: %v; want a word that nothing is sealed", r)
		}
		p.sudo("chown -R 31000 target")
		p.builds(nil, "fourth")
	})

	t.Run("an ordinary build directory", func(t *testing.T) {
		p := p.in(t)
		p.Must("cargo", "clean", "--quiet")
		p.Must("cargo", "build", "--quiet")
		p.sudo("umask 022; cargo build --quiet --release")
		for _, args := range []string{"init", "snapshot"} {
			fails(t, p.TryCow(args), 1, "another user", "sudo chown -R 31000 "+p.Target("release"))
		}
		p.tidy()
		p.sudo("chown -R 31000 target/release")
		p.cow("init")
		p.builds(nil, "fourth")
	})

	t.Run("the store", func(t *testing.T) {
		p := p.in(t)
		p.sudo("chown -R root ../store/records; chmod 700 ../store/records")
		fails(t, p.TryCow("restore"), 1, "permission denied", "sudo chown -R 31000 "+filepath.Join(w.store, "records"))
		p.sudo("chown -R 31000 ../store/records")
		p.cow("restore")
	})
}

// sudo runs a shell's command in the checkout as root, with the user's environment.
func (c *checkout) sudo(command string) {
	c.T.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = c.Dir, append(c.w.Env, "PWD="+c.Dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.T.Fatalf("as root: %s: %v\n%s", command, err, out)
	}
}

// foreign checks whether a directory of the build directory is there and root's.
func (c *checkout) foreign(name string, want bool) {
	c.T.Helper()
	fi, err := os.Lstat(c.Target(name))
	if got := err == nil && fi.Sys().(*syscall.Stat_t).Uid == 0; got != want {
		c.T.Errorf("%s is root's: %v, want %v (%v)", c.Target(name), got, want, err)
	}
}
