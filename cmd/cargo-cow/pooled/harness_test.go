package pooled

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// inside is set in the namespace of the tests.
const inside = "CARGO_COW_TEST_IN_NAMESPACE"

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" || os.Getuid() != 0 {
		fixture.Main(m)
	}
	const script = `set -e
etc=$(mktemp -d)
cp -a /etc/. "$etc"
mount --bind "$etc" /etc
status=0
"$@" || status=$?
umount /etc
rm -r "$etc"
exit $status`
	cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, "sh", "/proc/self/exe"}, os.Args[1:]...)...)
	// By its name: what /proc/self/exe is to the shell is the shell.
	exe, err := os.Executable()
	if err == nil {
		cmd.Args[6] = exe
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		err = cmd.Run()
	}
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		os.Exit(ended.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// workspace has configuration of cargo's, which forks only get by where somebody has run a command.
const workspace = `
-- Cargo.toml --
[workspace]
members = ["app", "lib"]
resolver = "2"
-- .gitignore --
target
-- .cargo/config.toml --
[build]
jobs = 2
-- app/Cargo.toml --
[package]
name = "app"
version = "0.1.0"
edition = "2021"
description = "says a word"
license = "MIT"
[dependencies]
lib = { path = "../lib", version = "0.1.0" }
-- app/build.rs --
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/word"), "made").unwrap();
    println!("cargo:rerun-if-changed=build.rs");
}
-- app/src/main.rs --
fn main() { println!("{} {}", lib::name(), include_str!(concat!(env!("OUT_DIR"), "/word"))) }
-- app/tests/runs.rs --
#[test]
fn runs() { assert_eq!(lib::name().len(), 3) }
-- lib/Cargo.toml --
[package]
name = "lib"
version = "0.1.0"
edition = "2021"
description = "has a word"
license = "MIT"
[dependencies]
four = "1"
-- lib/src/lib.rs --
/// Says it.
pub fn name() -> &'static str { let _ = four::version(); "lib" }
`

// someone is the unprivileged user.
const someone = 1000

// world is that user's on ext4, who has this program act by itself; CARGO_COW_POOL is in it.
type world struct {
	fixture.World
	origin *fixture.Checkout
	root   *fixture.Checkout // root, called by the user
}

func newWorld(t *testing.T, env ...string) *world {
	t.Helper()
	top := loopfs.Ext4(t, loopfs.Size(6<<30))
	dir := top + "/w"
	fixture.ShowToolchain(t, top+"/toolchain")
	user := []string{
		"CARGO_COW_STORE=", "XDG_CONFIG_HOME=" + dir + "/config", "XDG_DATA_HOME=" + dir + "/data", "XDG_CACHE_HOME=" + dir + "/cache",
		"CARGO_HOME=" + dir + "/cargo", "CARGO_NET_OFFLINE=true", "HOME=" + dir,
		"PATH=" + filepath.Dir(fixture.Program(t)) + ":" + top + "/toolchain/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "RUSTC_WRAPPER=" + fixture.Wrapper(t),
		"CARGO_COW_POOL=" + dir + "/pool",
	}
	w := &world{World: fixture.NewWorld(t, dir, slices.Concat(user, env)...)}
	if err := (fixture.LocalRegistry{Dir: w.Path("registry"), Home: w.Path("cargo")}).Publish("four", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	w.Write("data/cargo-cow/automatic", "")
	w.origin = w.At("origin")
	w.origin.Lay(workspace)
	w.origin.With("RUSTC_WRAPPER=").Must("cargo", "generate-lockfile", "--offline")
	w.root = w.At(".").With("SUDO_USER=someone", fmt.Sprint("SUDO_UID=", someone), fmt.Sprint("SUDO_GID=", someone))
	w.Own(".", someone)
	w.User = &syscall.Credential{Uid: someone, Gid: someone}
	w.origin.User = w.User
	w.origin.Repository()
	return w
}

// pooled makes the pool, and builds in the origin.
func (w *world) pooled() *world {
	w.T.Helper()
	w.root.Must(fixture.Program(w.T), "pool", "create", "--size", "4GB")
	w.T.Cleanup(func() { _ = syscall.Unmount(w.Path("pool"), 0) })
	w.origin.Must("cargo", "build")
	return w
}

// in is a checkout in the user's directory in the pool.
func (w *world) in(name string) *fixture.Checkout {
	c := w.At("pool/someone/" + name)
	c.User = w.User
	return c
}

// worktree adds one in the pool, as the user does.
func (w *world) worktree(name string) *fixture.Checkout {
	w.T.Helper()
	w.origin.Must("sh", "-c", `git worktree add --quiet --detach "$(cargo cow pool path)/`+name+`"`)
	return w.in(name)
}

// wantWarm fails unless all but these is fresh in a build directory that was restored.
func wantWarm(c *fixture.Checkout, but ...string) {
	c.T.Helper()
	if got := c.Compiled("build"); !slices.Equal(got, but) || !fixture.IsRestored(c.Target()) {
		c.T.Errorf("in %s: built %q, want %q; restored: %v", c.Dir, got, but, fixture.IsRestored(c.Target()))
	}
}

// wantSays fails unless the program says a word.
func wantSays(c *fixture.Checkout, word string) {
	c.T.Helper()
	if got := c.Says("cargo", "run", "--quiet"); got != word+" made" {
		c.T.Errorf("in %s it says %q, want %q", c.Dir, got, word)
	}
}

func (w *world) layers() int {
	w.T.Helper()
	c := w.in("fix")
	return strings.Count(c.Must(fixture.Program(w.T), "--json", "list").Stdout, `"reason":"layer"`)
}
