package agents

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// analyzer is what rust-analyzer has cargo check when it opens a workspace, and when a file is
// saved (rust-analyzer 2026, crates/rust-analyzer/src/flycheck.rs).
var analyzer = []string{"check", "--workspace", "--message-format=json", "--all-targets", "--keep-going"}

// ways are the ways in which rust-analyzer has cargo build in a directory of its own.
var ways = map[string]func(c *fixture.Checkout, dir string) (*fixture.Checkout, []string){
	"by the flag": func(c *fixture.Checkout, dir string) (*fixture.Checkout, []string) {
		return c, append(slices.Clone(analyzer), "--target-dir", dir)
	},
	"by the variable": func(c *fixture.Checkout, dir string) (*fixture.Checkout, []string) {
		return c.With("CARGO_TARGET_DIR=" + dir), analyzer
	},
}

// Where rust-analyzer builds in the same directory as the terminal, whoever comes first restores
// it for both.
func TestAnalyzerInTheSameDirectory(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.repository([]string{"build"}, analyzer)
		c := w.origin.Worktree("editor-first")
		wantWarm(c, analyzer...)
		wantWarm(c, "build")
		c = w.origin.Worktree("terminal-first")
		wantWarm(c, "build")
		wantWarm(c, analyzer...)
		wantRight(c, "edited")
		if list := layers(c); len(list) != 1 {
			t.Errorf("%d layers were sealed", len(list))
		}
	})
}

// A directory of rust-analyzer's beside the terminal's is warm in a new worktree, whoever comes
// first, from that of another worktree; and neither waits for the other.
func TestAnalyzerBeside(t *testing.T) {
	for way, call := range ways {
		t.Run(way, func(t *testing.T) {
			byTurns(t, turn(ways, way), func(t *testing.T, w *world) {
				w.repository()
				from, args := call(w.origin, "analyzer")
				ran(from, args...)
				for _, editorFirst := range []bool{true, false} {
					c := w.origin.Worktree(map[bool]string{true: "editor-first", false: "terminal-first"}[editorFirst])
					from, args := call(c, "analyzer")
					open := func() {
						if got := ran(from, args...); len(got) > 0 || !fixture.IsRestored(c.Path("analyzer")) {
							t.Errorf("editor first %v: rust-analyzer builds %q, restored: %v", editorFirst, got, fixture.IsRestored(c.Path("analyzer")))
						}
					}
					if editorFirst {
						open()
					}
					if got := ran(c, "build"); len(got) > 0 || !fixture.IsRestored(c.Target()) {
						t.Errorf("editor first %v: the terminal builds %q, restored: %v", editorFirst, got, fixture.IsRestored(c.Target()))
					}
					if !editorFirst {
						open()
						wantRight(c, "edited")
					}
				}
			})
		})
	}
}

// Where rust-analyzer is given a directory of its own in a checkout that is built, that begins as
// a copy of what the terminal has built, and shares all its data.
func TestAnalyzerForks(t *testing.T) {
	for way, call := range ways {
		t.Run(way, func(t *testing.T) {
			byTurns(t, turn(ways, way), func(t *testing.T, w *world) {
				w.repository([]string{"build"}, analyzer)
				from, args := call(w.origin, "analyzer")
				if got := ran(from, args...); len(got) > 0 || !fixture.IsRestored(w.origin.Path("analyzer")) {
					t.Errorf("rust-analyzer builds %q, restored: %v", got, fixture.IsRestored(w.origin.Path("analyzer")))
				}
				wantShared(w.origin, "analyzer")
				wantRight(w.origin, "edited")
			})
		})
	}
}

// One outside of the checkout begins as a copy of the terminal's, too.
func TestAnalyzerOutside(t *testing.T) {
	for way, call := range ways {
		t.Run(way, func(t *testing.T) {
			byTurns(t, turn(ways, way), func(t *testing.T, w *world) {
				w.repository([]string{"build"}, analyzer)
				place := w.origin.Worktree("place")
				wantWarm(place, "build")
				for _, c := range []*fixture.Checkout{w.origin, place} {
					dir := w.Path("analyzers", c.Name())
					from, args := call(c, dir)
					if got := ran(from, args...); len(got) > 0 || !fixture.IsRestored(dir) {
						t.Errorf("%s: rust-analyzer builds %q, restored: %v", c.Dir, got, fixture.IsRestored(dir))
					}
				}
			})
		})
	}
}

// A directory of rust-analyzer's inside the terminal's comes with that, which is restored for
// whoever comes first. No tree is made inside another.
func TestAnalyzerInside(t *testing.T) {
	for way, call := range ways {
		t.Run(way, func(t *testing.T) {
			byTurns(t, turn(ways, way), func(t *testing.T, w *world) {
				w.repository()
				from, args := call(w.origin, "target/rust-analyzer")
				ran(from, args...)
				c := w.origin.Worktree("place")
				from, args = call(c, "target/rust-analyzer")
				if got := ran(from, args...); len(got) > 0 {
					t.Errorf("rust-analyzer builds %q", got)
				}
				if isTree(t, c.Target("rust-analyzer")) || !isTree(t, c.Target()) {
					t.Error("the inner directory is a tree, or the outer one is none")
				}
				wantWarm(c, "build")
				// What is edited before anything is built is never taken for built.
				c = w.origin.Worktree("edited")
				c.Edit("lib/src/lib.rs", `"lib"`, `5`)
				c.Must("touch", "-d", "2020-01-01", "lib/src/lib.rs")
				from, args = call(c, "target/rust-analyzer")
				if r := from.Run("cargo", args...); r.Code == 0 {
					t.Error("rust-analyzer finds no error where there is one")
				}
				wantWrong(c)
			})
		})
	}
}

// ownWrappers are put in the place of RUSTC_WRAPPER while build scripts are built: as rust-analyzer
// does it, which passes over what is only checked (crates/rust-analyzer/src/bin/rustc_wrapper.rs),
// and one that runs all.
var ownWrappers = map[string]string{
	"runs all": `exec "$@"`,
	"passes over what is only checked": `[ -n "$CARGO_CFG_TARGET_ARCH" ] || for arg; do
		case $arg in
		--emit=*link*) ;;
		--emit=*metadata*) exit 0 ;;
		esac
	done
	exec "$@"`,
}

// Where rust-analyzer comes first with a wrapper of its own, nothing is restored: cargo builds as
// ever, in both, and what it builds is right. One command has both warm.
func TestAnalyzersOwnWrapper(t *testing.T) {
	for name, script := range ownWrappers {
		t.Run(name, func(t *testing.T) {
			byTurns(t, turn(ownWrappers, name), func(t *testing.T, w *world) {
				w.Script("rust-analyzer", script)
				own := func(c *fixture.Checkout) *fixture.Checkout { return c.With("RUSTC_WRAPPER=" + w.Path("rust-analyzer")) }
				w.repository([]string{"build"}, analyzer)
				c := w.origin.Worktree("place")
				if got := ran(own(c), analyzer...); len(got) == 0 || fixture.IsRestored(c.Target()) {
					t.Errorf("rust-analyzer builds %q, restored: %v", got, fixture.IsRestored(c.Target()))
				}
				if got := ran(c, "build"); !slices.Contains(got, "four/four/lib") {
					t.Errorf("the terminal builds %q", got)
				}
				ran(c, analyzer...)
				wantRight(c, "edited")

				c = w.origin.Worktree("mended")
				own(c).Run("cargo", analyzer...)
				c.Cow("restore")
				if !fixture.IsRestored(c.Target()) {
					t.Error("restore has restored nothing")
				}
				if got := ran(c, "build"); len(got) > 0 {
					t.Errorf("after a restore the terminal builds %q", got)
				}
				if got := ran(own(c), analyzer...); len(got) > 0 {
					t.Errorf("after a restore rust-analyzer builds %q", got)
				}
				wantRight(c, "edited")

				// What is sealed of such a directory serves nobody wrongly.
				third := w.origin.Worktree("third")
				wantWarm(third, "build")
				wantWarm(third, analyzer...)
				wantRight(third, "third")
			})
		})
	}
}

// What rust-analyzer's own wrapper has passed over counts as built there, to cargo, which finds no
// error in it any more. A worktree that is made of it finds the error all the same.
func TestAnalyzersOwnWrapperPassesOver(t *testing.T) {
	table := map[string][3]string{
		"a library": {"lib/src/lib.rs", `"lib"`, `5`},
		"a program": {"app/src/main.rs", `fn main() {`, `fn main() { let _: u8 = "";`},
		"a test":    {"app/tests/runs.rs", `"lib"`, `5`},
	}
	for name, edit := range table {
		t.Run(name, func(t *testing.T) {
			byTurns(t, turn(table, name), func(t *testing.T, w *world) {
				w.Script("rust-analyzer", ownWrappers["passes over what is only checked"])
				w.repository(analyzer)
				w.origin.Edit(edit[0], edit[1], edit[2])
				if r := w.origin.With("RUSTC_WRAPPER="+w.Path("rust-analyzer")).Run("cargo", analyzer...); r.Code != 0 {
					t.Fatal(r)
				}
				w.origin.Commit("an error")
				c := w.origin.Worktree("place")
				if r := c.Run("cargo", analyzer...); r.Code == 0 || !fixture.IsRestored(c.Target()) {
					t.Errorf("no error is found, restored: %v", fixture.IsRestored(c.Target()))
				}
			})
		})
	}
}

// Where something is restored first, rust-analyzer's own wrapper finds it: so it is where the
// terminal, the hook or another of its calls comes before.
func TestAnalyzersOwnWrapperLater(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.Script("rust-analyzer", `exec "$@"`)
		w.repository([]string{"build"}, analyzer)
		c := w.origin.Worktree("place")
		wantWarm(c, "build")
		wantWarm(c.With("RUSTC_WRAPPER="+w.Path("rust-analyzer")), analyzer...)
		wantWarm(c, analyzer...)
		wantWarm(c, "build")
	})
}

// While an editor or a terminal builds in one checkout, another one is opened without waiting for
// it, warm from what was sealed before; and the build goes on undisturbed.
func TestAnalyzerWaitsForNobody(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.origin.Write("app/build.rs", `fn main() {
			println!("cargo:rerun-if-changed=build.rs");
			println!("cargo:rerun-if-env-changed=HANG");
			if let Ok(file) = std::env::var("HANG") {
				std::fs::write(&file, "").unwrap();
				while std::path::Path::new(&file).exists() { std::thread::sleep(std::time::Duration::from_millis(5)) }
			}
		}`)
		w.repository([]string{"build"}, analyzer)
		wantWarm(w.origin.Worktree("first"), analyzer...)
		hang := w.Path("hang")
		building := w.origin.With("HANG="+hang).Start("cargo", "build", "--message-format=json")
		fixture.Eventually(t, "the script runs", func() bool { return fixture.Exists(hang) })
		c := w.origin.Worktree("place")
		wantWarm(c, analyzer...)
		if !building.Running() {
			t.Errorf("the build has ended: %v", building.Wait())
		}
		w.Remove("hang")
		if got := fixture.Compiled(t, building.Wait()); slices.Contains(got, "lib/lib/lib") {
			t.Errorf("the build that was in the way builds %q", got)
		}
		wantRight(c, "edited")
	})
}

// isTree reports whether a directory is a subvolume.
func isTree(t *testing.T, dir string) bool {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino == 256 // BTRFS_FIRST_FREE_OBJECTID
}

// wantWrong fails if cargo builds what has an error.
func wantWrong(c *fixture.Checkout) {
	c.T.Helper()
	if r := c.Run("cargo", "build"); r.Code == 0 {
		c.T.Errorf("in %s cargo finds no error where there is one", c.Dir)
	}
}

// wantShared fails if a directory has more than a tenth of its data for itself.
func wantShared(c *fixture.Checkout, dir string) {
	c.T.Helper()
	c.Must("sync", "-f", dir)
	lines := strings.Split(c.Says("btrfs", "filesystem", "du", "--raw", "--summarize", dir), "\n")
	var total, exclusive int64
	if _, err := fmt.Sscan(lines[len(lines)-1], &total, &exclusive); err != nil || total < 1<<20 || exclusive*10 > total {
		c.T.Errorf("of %d bytes %d are its own (%v): %q", total, exclusive, err, lines)
	}
}
