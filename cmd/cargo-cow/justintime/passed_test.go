package justintime

import (
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// wantCold fails if something was restored: cargo builds all that it would without the wrapper.
func wantCold(c *fixture.Checkout, args ...string) {
	c.T.Helper()
	if got := ran(c, args...); len(got) < 2 {
		c.T.Errorf("cargo %q: built only %q", args, got)
	}
	if isRestored(c) {
		c.T.Errorf("cargo %q: restored", args)
	}
}

// Where it could be wrong or is not wanted, cargo builds as it would.
func TestPassed(t *testing.T) {
	fixture.EachCargo(t, oneInstalled, func(t *testing.T, env ...string) {
		w := newWorld(t, append(env, "CARGO_COW_WAREHOUSE=off"))
		for name, do := range map[string]func(c *fixture.Checkout){
			"switched off": func(c *fixture.Checkout) { wantCold(c.With("CARGO_COW=off"), "build") },
			"configured on the command line": func(c *fixture.Checkout) {
				wantCold(c, "build", "--config", "build.target-dir='elsewhere'")
				if fixture.Exists(c.Target()) {
					c.T.Error("there is another build directory")
				}
				if isTree(c.T, c.Path("elsewhere")) {
					c.T.Error("what the command line names is a tree")
				}
			},
			// Its configuration is found where cargo is called.
			"by its manifest, from outside": func(c *fixture.Checkout) {
				from := *c
				from.Dir = w.Dir
				if got := ran(&from, "build", "--manifest-path", "in/Cargo.toml"); len(got) < 2 || isRestored(c) {
					c.T.Errorf("built %q", got)
				}
			},
			// What is around it is restored first: it counts as built afterwards.
			"in a build directory": func(c *fixture.Checkout) {
				if got := ran(c, "build", "--target-dir", "target/analyzer"); len(got) < 2 {
					c.T.Errorf("built only %q", got)
				}
				if fixture.Exists(c.Target("analyzer/.cargo-cow")) || isTree(c.T, c.Target("analyzer")) {
					c.T.Error("a tree in a build directory")
				}
				if got := ran(c, "build"); len(got) > 0 || !isRestored(c) {
					c.T.Errorf("around it: built %q", got)
				}
			},
			"for cargo clean": func(c *fixture.Checkout) {
				c.Must("cargo", "clean")
				if fixture.Exists(c.Target()) {
					c.T.Error("there is a build directory")
				}
			},
			"for cargo tree": func(c *fixture.Checkout) {
				c.Must("cargo", "tree", "--offline")
				if fixture.Exists(c.Target()) {
					c.T.Error("there is a build directory")
				}
			},
			"where something is built": func(c *fixture.Checkout) {
				c.With("CARGO_COW=off").Must("cargo", "check")
				c.Must("rm", c.Target(".rustc_info.json"))
				wantCold(c, "build")
			},
			"after cargo clean": func(c *fixture.Checkout) {
				if got := ran(c, "build"); len(got) > 0 || !isRestored(c) {
					c.T.Errorf("built %q at first", got)
				}
				c.Must("cargo", "clean")
				wantCold(c, "build")
			},
			"unknown to the store": func(c *fixture.Checkout) {
				other := *c
				other.Dir = c.Dir + "-other"
				c.Must("cp", "-r", c.Dir, other.Dir)
				other.Must("rm", ".git")
				other.Edit("lib/Cargo.toml", "0.1.0", "0.2.0")
				other.Edit("Cargo.lock", "name = \"lib\"\nversion = \"0.1.0\"", "name = \"lib\"\nversion = \"0.2.0\"")
				wantCold(&other, "build", "--offline")
			},
			"without a store": func(c *fixture.Checkout) { wantCold(c.With("CARGO_COW_STORE="+c.Path("none")), "build") },
		} {
			t.Run(name, func(t *testing.T) {
				c := w.origin.In(t).Worktree("in")
				defer w.origin.Must("git", "worktree", "remove", "--force", c.Dir)
				do(c)
			})
		}
	})
}

// Cargo never waits for itself: while it holds the lock of the package cache, nothing is restored.
func TestPackageCacheLocked(t *testing.T) {
	eachSetting(t, bothLayouts, func(t *testing.T, env ...string) {
		w := newWorld(t, env)
		began := time.Now()
		c := w.origin.Worktree("update")
		c.Must("cargo", "update", "--offline")
		if isRestored(c) {
			t.Error("cargo update has restored")
		}
		// By another name only the lock tells what it is.
		c.Must("cargo", "up", "--offline")
		if isRestored(c) {
			t.Error("an alias of cargo update has restored")
		}
		// A build that has to resolve something new asks for the version under the lock.
		c = w.origin.Worktree("resolves")
		w.At("new").Lay(strings.ReplaceAll(outside, "outside", "new"))
		c.Write("lib/Cargo.toml", c.Read("lib/Cargo.toml")+"[dependencies]\nnew = { path = \"../../new\" }\n")
		if got := ran(c, "build", "--offline"); len(got) == 0 {
			t.Error("nothing is built")
		}
		wantNothingLeft(c)
		// Whoever waits for itself waits until it is ended, after a minute.
		if took := time.Since(began); took > 50*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
