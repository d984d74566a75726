package justintime

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func TestMain(m *testing.M) { fixture.Main(m) }

// workspace has a member of each kind, a package outside of it, and what its own commands are called.
const workspace = `
-- Cargo.toml --
[workspace]
members = ["app", "lib"]
resolver = "2"
-- .gitignore --
target
-- .cargo/config.toml --
[alias]
make = "build --workspace"
up = "update"
xtask = "run --quiet --package app --"
-- app/Cargo.toml --
[package]
name = "app"
version = "0.1.0"
edition = "2021"
[dependencies]
lib = { path = "../lib" }
outside = { path = "../../outside" }
-- app/build.rs --
fn main() { println!("cargo:rerun-if-changed=build.rs") }
-- app/src/main.rs --
fn main() { println!("{} {}", lib::name(), outside::name()) }
-- app/tests/runs.rs --
#[test]
fn runs() { assert_eq!(lib::name(), "lib") }
-- lib/Cargo.toml --
[package]
name = "lib"
version = "0.1.0"
edition = "2021"
-- lib/src/lib.rs --
pub fn name() -> &'static str { "lib" }
`

const outside = `
-- Cargo.toml --
[package]
name = "outside"
version = "0.1.0"
edition = "2021"
[workspace]
-- src/lib.rs --
pub fn name() -> &'static str { "outside" }
`

// Versions of cargo that a test is run with in make test, where one is enough for most; make soak runs each with all.
var (
	oneInstalled = []string{""}
	oneLater     = []string{"1.99.1"}
	oneNewest    = []string{"beta"} // it has a layout of its own
	bothLayouts  = []string{"", "beta"}
)

// eachCargo runs a test with versions of cargo, each in an automatic world of its own in which no unit is kept but in layers.
func eachCargo(t *testing.T, names []string, test func(t *testing.T, w *world)) {
	t.Helper()
	fixture.EachCargo(t, names, func(t *testing.T, env ...string) { test(t, newAutomatic(t, append(env, "CARGO_COW_WAREHOUSE=off")...)) })
}

// eachSetting runs a test with the versions that are named, and where there is time with all that the program is held to,
// and in all settings.
func eachSetting(t *testing.T, names []string, test func(t *testing.T, env ...string)) {
	t.Helper()
	if !fixture.EveryCargo() {
		fixture.EachCargo(t, names, test)
		return
	}
	for _, tc := range append(fixture.Toolchains(t), fixture.Toolchain{Name: "installed"}) {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			test(t, tc.Env...)
		})
	}
}

// world has an origin with a layer of each build that commands name.
type world struct {
	fixture.World
	origin *fixture.Checkout
}

// newWorld makes one. Nothing but the wrapper is switched on: no hook, and stores are found as a user's are.
func newWorld(t *testing.T, env []string, builds ...[]string) *world {
	t.Helper()
	dir := loopfs.Btrfs(t, loopfs.Size(4<<30)) + "/w"
	user := []string{"CARGO_COW_STORE=", "XDG_CONFIG_HOME=" + dir + "/config", "XDG_DATA_HOME=" + dir + "/data", "XDG_CACHE_HOME=" + dir + "/cache"}
	w := &world{World: fixture.NewWorld(t, dir, slices.Concat(user, []string{fixture.InPath(t), "CARGO_PROFILE_DEV_DEBUG=0", "RUSTC_WRAPPER=" + fixture.Wrapper(t)}, env)...)}
	w.At("outside").Lay(outside)
	w.origin = w.At("origin")
	w.origin.Lay(workspace)
	w.origin.Must("cargo", "generate-lockfile", "--offline")
	w.origin.Repository()
	w.origin.Cow("init")
	if len(builds) == 0 {
		builds = [][]string{{"build"}}
	}
	for _, args := range builds {
		w.origin.Must("cargo", args...)
	}
	w.origin.Cow("snapshot")
	return w
}

// newAutomatic makes a world whose user has the program act by itself: nothing is typed but cargo and git. Its origin is a
// repository in which nothing is built yet. It is on Btrfs, unless CARGO_COW_TEST_DISK says xfs.
func newAutomatic(t *testing.T, env ...string) *world {
	t.Helper()
	if os.Getenv("CARGO_COW_TEST_DISK") == "xfs" {
		return newAutomaticOn(t, loopfs.XFS, env...)
	}
	return newAutomaticOn(t, loopfs.Btrfs, env...)
}

func newAutomaticOn(t *testing.T, mount func(testing.TB, ...loopfs.Option) string, env ...string) *world {
	t.Helper()
	dir := mount(t, loopfs.Size(6<<30)) + "/w"
	user := []string{"CARGO_COW_STORE=", "XDG_CONFIG_HOME=" + dir + "/config", "XDG_DATA_HOME=" + dir + "/data", "XDG_CACHE_HOME=" + dir + "/cache"}
	w := &world{World: fixture.NewWorld(t, dir, slices.Concat(user, []string{fixture.InPath(t), "RUSTC_WRAPPER=" + fixture.Wrapper(t)}, env)...)}
	w.Write("data/cargo-cow/automatic", "")
	w.At("outside").Lay(outside)
	w.origin = w.At("origin")
	w.origin.Lay(workspace)
	w.origin.Must("cargo", "generate-lockfile", "--offline")
	w.origin.Repository()
	return w
}

// account is what status tells of what was done for a checkout by itself.
func account(c *fixture.Checkout) map[string]any {
	c.T.Helper()
	for _, line := range c.Cow("status") {
		if a, ok := line["by_itself"].(map[string]any); ok {
			return a
		}
	}
	return nil
}

// ran are the units that cargo compiled in c.
func ran(c *fixture.Checkout, args ...string) []string {
	c.T.Helper()
	return c.Compiled(args...)
}

func isRestored(c *fixture.Checkout) bool { return fixture.IsRestored(c.Target()) }

// wantNothingLeft fails if a restore has left anything beside a build directory.
func wantNothingLeft(c *fixture.Checkout) {
	c.T.Helper()
	for name := range strings.FieldsSeq(c.Must("ls", "-A").Stdout) {
		if strings.HasPrefix(name, "target") && name != "target" || strings.HasPrefix(name, ".target") {
			c.T.Errorf("%s is left in %s", name, c.Dir)
		}
	}
}

// stoppedBelow finds a stopped descendant of a process, 0 if there is none.
func stoppedBelow(pid int) int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		children = append(children, text...)
	}
	for child := range strings.FieldsSeq(string(children)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n))
		if _, after, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(after, "T") {
			return n
		}
		if found := stoppedBelow(n); found != 0 {
			return found
		}
	}
	return 0
}
