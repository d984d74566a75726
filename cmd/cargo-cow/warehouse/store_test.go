package warehouse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// The wrapper is called with nothing that says where the store is. It finds the one
// that the other commands find.
func TestWhichStore(t *testing.T) {
	w := newWorld(t)
	w.remove("store")
	w.env = append(w.env, "CARGO_COW_STORE=", "XDG_CACHE_HOME="+w.path("cache"), "XDG_DATA_HOME="+w.path("data"), "XDG_CONFIG_HOME="+w.path("config"))
	for _, dir := range []string{"a", "b", "c", "d", "e"} {
		w.project(dir, appManifest+"-- src/main.rs --\nfn main() {}\n")
	}
	cow := fixture.Program(t)
	kept := func(dir, store string, env ...string) {
		t.Helper()
		units := func() int {
			entries, err := os.ReadDir(filepath.Join(store, "warehouse", "units"))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			return len(entries)
		}
		before := units()
		w.good(dir, env)
		if units() != before+1 {
			t.Errorf("%s: nothing is kept in %s", dir, store)
		}
	}
	// Without a store there is no warehouse, and nothing is made.
	w.good("a", nil)
	enabled := func() string {
		t.Helper()
		lines := fixture.JSONLines(t, w.must("a", []string{"CARGO_HOME=" + w.path("home")}, cow, "--json", "wrapper", "enable").Stdout)
		store, _ := lines[len(lines)-1]["store"].(string)
		return store
	}
	beside := enabled()
	if filepath.Dir(beside) != filepath.Dir(w.dir) || !strings.HasPrefix(filepath.Base(beside), ".cargo-cow-") {
		t.Fatalf("enable makes the store %q", beside)
	}
	kept("b", beside)
	// The user's own, of the configuration.
	w.write("config/cargo-cow/config.yaml", "store: "+w.path("mine")+"\n")
	if store := enabled(); store != w.path("mine") {
		t.Errorf("enable makes the store %q", store)
	}
	w.remove("b/target")
	kept("b", w.path("mine"))
	// What the build directory was made with.
	w.must("c", nil, cow, "init", "--store", w.path("other"))
	kept("c", w.path("other"))
	// What the repository remembers, in every worktree.
	w.must("b", nil, "git", "init", "--quiet")
	w.write("b/.gitignore", "target\n")
	w.must("b", nil, "git", "add", "--all")
	w.must("b", nil, "git", "commit", "--quiet", "--message=one")
	w.must("b", nil, cow, "init", "--store", w.path("repository"))
	w.must("b", nil, "git", "worktree", "add", "--quiet", w.path("f"))
	w.must("b", nil, "cargo", "clean", "--quiet")
	kept("b", w.path("repository"))
	w.edit("f/src/main.rs", "{}", "{ println!(\"f\"); }")
	before := strings.Count(w.read("repository/warehouse/events"), "\n")
	w.good("f", nil)
	if after := strings.Count(w.read("repository/warehouse/events"), "\n"); after != before+1 {
		t.Errorf("a worktree's call is not in the store of its repository")
	}
	// That of the environment.
	w.write("named/version", "cargo-cow store 1\n")
	kept("d", w.path("named"), "CARGO_COW_STORE="+w.path("named"))
	// None at all, on request.
	w.good("e", []string{"CARGO_COW_STORE=" + w.path("named"), "CARGO_COW_WAREHOUSE=off"})
	if text := w.read("named/warehouse/events"); strings.Count(text, "\n") != 1 {
		t.Errorf("the warehouse is not off:\n%s", text)
	}
}
