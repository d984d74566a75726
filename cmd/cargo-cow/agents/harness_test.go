package agents

import (
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func TestMain(m *testing.M) { fixture.Main(m) }

// workspace has a dependency of a registry's, a build script, a macro's package and a test.
const workspace = `
-- Cargo.toml --
[workspace]
members = ["app", "lib", "macros"]
resolver = "2"
-- .gitignore --
target
analyzer
.agents
-- app/Cargo.toml --
[package]
name = "app"
version = "0.1.0"
edition = "2021"
[dependencies]
lib = { path = "../lib" }
macros = { path = "../macros" }
-- app/build.rs --
fn main() { println!("cargo:rerun-if-changed=build.rs") }
-- app/src/main.rs --
fn main() { println!("{} {} {}", lib::name(), lib::version(), macros::five!()) }
-- app/tests/runs.rs --
#[test]
fn runs() { assert_eq!(lib::name(), "lib") }
-- lib/Cargo.toml --
[package]
name = "lib"
version = "0.1.0"
edition = "2021"
[dependencies]
four = "1"
-- lib/src/lib.rs --
pub fn name() -> &'static str { "lib" }
pub fn version() -> &'static str { four::version() }
-- macros/Cargo.toml --
[package]
name = "macros"
version = "0.1.0"
edition = "2021"
[lib]
proc-macro = true
-- macros/src/lib.rs --
#[proc_macro]
pub fn five(_: proc_macro::TokenStream) -> proc_macro::TokenStream { "5".parse().unwrap() }
`

// says is what the program says.
const says = "lib 1.0.0 5"

// world is a user who has this program act by itself. Nothing else was ever done for it.
type world struct {
	fixture.World
	origin *fixture.Checkout
}

// newWorld makes one with a checkout in which nothing is built.
func newWorld(t *testing.T, env ...string) *world {
	t.Helper()
	return newWorldIn(t, loopfs.Btrfs(t, loopfs.Size(4<<30)), nil, env...)
}

func newWorldIn(t *testing.T, top string, as *syscall.Credential, env ...string) *world {
	t.Helper()
	dir := top + "/w"
	user := []string{
		"CARGO_COW_STORE=", "XDG_CONFIG_HOME=" + dir + "/config", "XDG_DATA_HOME=" + dir + "/data", "XDG_CACHE_HOME=" + dir + "/cache",
		"CARGO_HOME=" + dir + "/cargo", "CARGO_NET_OFFLINE=true", "CARGO_PROFILE_DEV_DEBUG=0", fixture.InPath(t), "RUSTC_WRAPPER=" + fixture.Wrapper(t),
	}
	w := &world{World: fixture.NewWorld(t, dir, slices.Concat(user, env)...)}
	if err := (fixture.LocalRegistry{Dir: w.Path("registry"), Home: w.Path("cargo")}).Publish("four", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	w.Write("data/cargo-cow/automatic", "")
	w.origin = w.At("origin")
	w.origin.Lay(workspace)
	w.origin.With("RUSTC_WRAPPER=").Must("cargo", "generate-lockfile", "--offline")
	if as != nil {
		w.Own(".", int(as.Uid))
		w.User, w.origin.User = as, as
	}
	return w
}

// repository makes the origin a repository in which commands have built.
func (w *world) repository(builds ...[]string) *world {
	w.T.Helper()
	w.origin.Repository()
	if len(builds) == 0 {
		builds = [][]string{{"build"}}
	}
	for _, args := range builds {
		w.origin.Must("cargo", args...)
	}
	return w
}

// eachCargo runs a test with the cargo that is installed and with one that has the newest layout, each in a world of its
// own, and with all where there is time.
func eachCargo(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	with(t, cargos, test)
}

// byTurns is eachCargo for a row of a table, of which one has the one cargo and the next the other, unless there is time.
func byTurns(t *testing.T, row int, test func(t *testing.T, w *world)) {
	t.Helper()
	names := cargos
	if !fixture.EveryCargo() {
		names = cargos[row%2 : row%2+1]
	}
	with(t, names, test)
}

// turn is the place of a row in its table.
func turn[R any](table map[string]R, name string) int {
	return slices.Index(slices.Sorted(maps.Keys(table)), name)
}

// cargos by their toolchains; "": the one that is installed.
var cargos = []string{"", "beta"}

func with(t *testing.T, names []string, test func(t *testing.T, w *world)) {
	t.Helper()
	fixture.EachCargo(t, names, func(t *testing.T, env ...string) { test(t, newWorld(t, env...)) })
}

// ran are the units that cargo compiled in c.
func ran(c *fixture.Checkout, args ...string) []string {
	c.T.Helper()
	return c.Compiled(args...)
}

// wantWarm fails unless all is fresh in a build directory that was restored.
func wantWarm(c *fixture.Checkout, args ...string) {
	c.T.Helper()
	if got := ran(c, args...); len(got) > 0 || !fixture.IsRestored(c.Target()) {
		c.T.Errorf("cargo %q in %s: built %q, restored: %v", args, c.Dir, got, fixture.IsRestored(c.Target()))
	}
	wantTidy(c)
}

// wantTidy fails if anything is left beside a build directory.
func wantTidy(c *fixture.Checkout) {
	c.T.Helper()
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		c.T.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "target" && strings.Contains(name, "target") {
			c.T.Errorf("%s is left in %s", name, c.Dir)
		}
	}
}

// wantRight fails unless the program that cargo then builds says what its sources do after an edit.
func wantRight(c *fixture.Checkout, mark string) {
	c.T.Helper()
	c.Edit("lib/src/lib.rs", `"lib"`, `"`+mark+`"`)
	if got := c.Says("cargo", "run", "--quiet"); got != strings.Replace(says, "lib", mark, 1) {
		c.T.Errorf("in %s the program says %q after an edit", c.Dir, got)
	}
}

// layers lists what was sealed, by the commands' own account.
func layers(c *fixture.Checkout) []map[string]any {
	c.T.Helper()
	return c.Cow("list")
}
