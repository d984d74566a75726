package verify

import (
	"fmt"
	"maps"
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

func TestMain(m *testing.M) { fixture.Main(m) }

// workspace has what can go wrong: a program, a library with a script that writes what it includes, a procedural macro,
// a crate of a registry, tests.
const workspace = `
-- .gitignore --
/target
/.worktrees
-- Cargo.toml --
[workspace]
members = ["app", "liba", "mac"]
resolver = "2"
-- app/Cargo.toml --
[package]
name = "app"
version = "0.1.0"
edition = "2021"
[dependencies]
liba = { path = "../liba" }
mac = { path = "../mac" }
published = "1"
-- app/src/main.rs --
fn main() { println!("{} {} {} {}", liba::word(), mac::seven!(), published::version(), env!("CARGO_MANIFEST_DIR").len()); }
#[test]
fn counts() { assert_eq!(mac::seven!(), 7); }
-- app/tests/it.rs --
#[test]
fn word() { assert_eq!(liba::word(), "one"); }
-- liba/Cargo.toml --
[package]
name = "liba"
version = "0.1.0"
edition = "2021"
-- liba/build.rs --
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cfg=made");
    println!("cargo:rustc-check-cfg=cfg(made)");
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/gen.rs"), "pub const WORD: &str = \"one\";").unwrap();
}
-- liba/src/lib.rs --
include!(concat!(env!("OUT_DIR"), "/gen.rs"));
pub fn word() -> &'static str { if cfg!(made) { WORD } else { "none" } }
pub fn panics(n: usize) -> u8 { [1, 2, 3][n] }
pub fn generic<T: std::fmt::Debug>(t: T) -> String { format!("{t:?}") }
-- mac/Cargo.toml --
[package]
name = "mac"
version = "0.1.0"
edition = "2021"
[lib]
proc-macro = true
-- mac/src/lib.rs --
#[proc_macro]
pub fn seven(_: proc_macro::TokenStream) -> proc_macro::TokenStream { "7".parse().unwrap() }
`

// A world has an origin, a, with a workspace that is built by plain cargo.
type world struct {
	fixture.World
	a *fixture.Checkout
}

func newWorld(t *testing.T, dir string, env ...string) *world {
	t.Helper()
	return newWorldAs(t, nil, dir, append([]string{fixture.InPath(t)}, env...)...)
}

// newWorldAs is the world of another user.
func newWorldAs(t *testing.T, user *syscall.Credential, dir string, env ...string) *world {
	t.Helper()
	dir = filepath.Join(dir, "w")
	w := &world{World: fixture.NewWorld(t, dir, append([]string{"CARGO_HOME=" + dir + "/home", "CARGO_NET_OFFLINE=true"}, env...)...)}
	w.User = user
	if err := (fixture.LocalRegistry{Dir: w.Path("registry"), Home: w.Path("home")}).Publish("published", "1.2.3"); err != nil {
		t.Fatal(err)
	}
	w.a = w.At("a")
	w.a.Lay(workspace)
	if user != nil {
		w.Own(".", int(user.Uid))
	}
	w.a.Must("cargo", "generate-lockfile", "--quiet", "--offline")
	w.a.Repository()
	return w
}

// userEnv is an environment for another user: a home of its own, and the toolchain, which may lie in a home that the user
// cannot enter, under another name.
func userEnv(t *testing.T, uid int) []string {
	t.Helper()
	base, err := os.MkdirTemp("", "cargo-cow-user-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	for _, err := range []error{os.Chmod(base, 0o755), os.Mkdir(base+"/home", 0o755), os.Chown(base+"/home", uid, uid)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	fixture.ShowToolchain(t, base+"/toolchain")
	return []string{"HOME=" + base + "/home", "PATH=" + base + "/toolchain/bin:/usr/local/bin:/usr/bin:/bin"}
}

func btrfs(t *testing.T) string {
	t.Helper()
	return loopfs.Btrfs(t, loopfs.Size(8<<30))
}

// A verdict is what was said of one unit.
type verdict struct {
	unit, kind, verdict, why, at string
	but, differs                 []string
}

// verify runs the command, which must end with the code.
func verify(c *fixture.Checkout, code int, args ...string) []verdict {
	c.T.Helper()
	r := c.TryCow(append([]string{"verify"}, args...)...)
	if r.Code != code {
		c.T.Fatalf("verify %q: exit code %d, want %d: %v", args, r.Code, code, r)
	}
	var all []verdict
	for _, l := range fixture.JSONLines(c.T, r.Stdout) {
		if l["reason"] != "verified-unit" {
			continue
		}
		v := verdict{unit: l["package"].(string), kind: l["kind"].(string), verdict: l["verdict"].(string)}
		if l["test"] == true {
			v.kind += "-test"
		}
		v.why, _ = l["why"].(string)
		v.at, _ = l["at"].(string)
		list, _ := l["but"].([]any)
		for _, b := range list {
			v.but = append(v.but, b.(string))
		}
		list, _ = l["differs"].([]any)
		for _, d := range list {
			part := d.(map[string]any)
			v.differs = append(v.differs, fmt.Sprint(part["file"], ": ", part["part"]))
		}
		all = append(all, v)
	}
	return all
}

// of returns the verdict on one unit.
func of(t *testing.T, all []verdict, unit, kind string) verdict {
	t.Helper()
	i := slices.IndexFunc(all, func(v verdict) bool { return v.unit == unit && v.kind == kind })
	if i < 0 {
		t.Fatalf("no verdict on %s/%s: %+v", unit, kind, all)
	}
	return all[i]
}

// allEqual holds that each unit of a list is equal, at most but for object names, and that there are as many.
func allEqual(t *testing.T, all []verdict, n int) {
	t.Helper()
	if len(all) != n {
		t.Errorf("%d verdicts, want %d: %+v", len(all), n, all)
	}
	for _, v := range all {
		if v.verdict != "equal" && !(v.verdict == "equal-but" && slices.Equal(v.but, []string{"names of objects"})) {
			t.Errorf("%s/%s is %+v", v.unit, v.kind, v)
		}
	}
}

// one returns the one file that matches in the build directory.
func one(c *fixture.Checkout, pattern string) string {
	c.T.Helper()
	found, err := filepath.Glob(c.Target(pattern))
	if err != nil || len(found) != 1 {
		c.T.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}

// replace gives a file another content, and leaves it the time by which cargo goes.
func replace(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(text), info.Mode()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

// flip changes one bit of a content.
func flip(at func(n int) int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[at(len(b))] ^= 1
		return b
	}
}

// snapshotOf is all that is below a directory: names, kinds, times and contents.
func snapshotOf(t *testing.T, dir string, without ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(path, dir)
		if slices.Contains(without, rel) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(b)
		}
		all[rel] = fmt.Sprint(info.Mode(), info.ModTime().UnixNano(), len(text), " ", text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// unchanged holds that a directory is as it was.
func unchanged(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if now, ok := after[name]; !ok || now != before[name] {
			t.Errorf("%s: %s has changed or is gone", what, name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			t.Errorf("%s: %s is new", what, name)
		}
	}
}
