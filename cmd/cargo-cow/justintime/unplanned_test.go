package justintime

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// Where one layer was built of all packages that a new project has locked, cargo is not asked which units it needs: it
// finds fresh what it needs of the layer, compiles what it needs with other features, and nothing else is there of the
// other project.
func TestNewProjectUnplanned(t *testing.T) {
	for _, tc := range fixture.Toolchains(t) {
		if !slices.Contains([]string{"1.99.1", "beta"}, tc.Name) {
			continue // each compiles some dependencies
		}
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			w := newAutomatic(t, append(slices.Clone(tc.Env), "CARGO_COW_WAREHOUSE=off", "CARGO_NET_OFFLINE=false")...)
			one := w.newcomer("one", "fn main() { println!(\"{}\", serde_json::json!({\"one\": 1})) }\n")
			one.Must("cargo", "build")
			build := func(c *fixture.Checkout, name, says string) (built []string, said string) {
				t.Helper()
				r := c.Run("cargo", "build", "-v", "--message-format=json")
				if r.Code != 0 {
					t.Fatal(r)
				}
				for _, m := range fixture.Messages(r.Stdout) {
					if m.Reason == "compiler-artifact" && !m.Fresh {
						built = append(built, m.Unit().String())
					}
				}
				if said := c.Says(c.Target("debug/" + name)); said != says {
					t.Errorf("it says %q", said)
				}
				return built, r.Stderr
			}
			builtOnlyIn := func(c *fixture.Checkout, name, says string) {
				t.Helper()
				built, said := build(c, name, says)
				if !slices.Equal(built, []string{name + "/" + name + "/bin"}) || strings.Contains(said, "build-script-build`") {
					t.Errorf("built %q; cargo said\n%s", built, said)
				}
			}
			two := w.newcomer("two", "#[derive(serde::Serialize)] struct T { two: u8 }\nfn main() { println!(\"{}\", serde_json::to_string(&T { two: 2 }).unwrap()) }\n")
			builtOnlyIn(two, "two", `{"two":2}`)
			// What is sealed once is not looked at again, and what is there is known without cargo's plan.
			git := w.At("bin")
			git.Write("git", "#!/bin/sh\necho \"$PWD $*\" >> \"${0%/*}/calls\"\nPATH=${PATH#*:}\nexec git \"$@\"\n")
			git.Must("chmod", "+x", "git")
			three := w.newcomer("three", "fn main() { println!(\"{}\", serde_json::json!(3)) }\n")
			three.Write("Cargo.toml", strings.Replace(three.Read("Cargo.toml"), "[dependencies]", "[profile.release]\nlto = true\n[dependencies]", 1))
			three.Commit("says something of release")
			builtOnlyIn(three.With("PATH="+git.Dir+":"+os.Getenv("PATH")), "three", "3")
			// What is asked for with other features is compiled, and what depends on it; the rest is there.
			four := w.newcomer("four", "fn main() { println!(\"{}\", serde_json::json!(4)) }\n")
			four.Write("Cargo.toml", strings.Replace(four.Read("Cargo.toml"), ", features = [\"derive\"]", "", 1))
			four.Must("cargo", "generate-lockfile", "--quiet")
			four.Commit("derives nothing")
			built, said := build(four, "four", "4")
			for name, want := range map[string]bool{"serde": true, "serde_json": true, "four": true, "itoa": false, "memchr": false, "ryu": false} {
				if got := slices.ContainsFunc(built, func(unit string) bool { return strings.HasPrefix(unit, name+"/") }); got != want {
					t.Errorf("%s built: %v; built %q; cargo said\n%s", name, got, built, said)
				}
			}
			if fixture.Exists(four.Target("debug/one")) || fixture.Exists(four.Target("debug/two")) {
				t.Error("another project's program is there")
			}
			calls, _ := os.ReadFile(git.Path("calls"))
			// In one directory for each unit nothing tells at a glance that all is sealed.
			if s := string(calls); tc.Name != "beta" && (strings.Contains(s, one.Dir+" ") || strings.Contains(s, two.Dir+" ")) {
				t.Errorf("git was called in another project:\n%s", s)
			}
			kept := func(what string) (names []string) {
				names, _ = filepath.Glob(w.origin.Path("../../.cargo-cow-*", what, "*"))
				return names
			}
			if plans := kept("plans"); len(plans) > 0 || len(kept("layers")) == 0 {
				t.Errorf("cargo was asked for a plan: %q", plans)
			}
		})
	}
}
