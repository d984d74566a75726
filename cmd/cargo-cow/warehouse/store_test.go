package warehouse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The wrapper is called with nothing that says where the store is. It finds the one
// that the other commands find.
func TestWhichStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Remove("store")
	w.Env = append(w.Env, "CARGO_COW_STORE=", "XDG_CACHE_HOME="+w.Path("cache"), "XDG_DATA_HOME="+w.Path("data"), "XDG_CONFIG_HOME="+w.Path("config"))
	for _, dir := range []string{"a", "b", "c", "d", "e"} {
		w.project(dir, appManifest+"-- src/main.rs --\nfn main() {}\n")
	}
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
		lines := w.At("a").With("CARGO_HOME="+w.Path("home")).Cow("wrapper", "enable")
		store, _ := lines[len(lines)-1]["store"].(string)
		return store
	}
	beside := enabled()
	if filepath.Dir(beside) != filepath.Dir(w.Dir) || !strings.HasPrefix(filepath.Base(beside), ".cargo-cow-") {
		t.Fatalf("enable makes the store %q", beside)
	}
	kept("b", beside)
	// The user's own, of the configuration.
	w.Write("config/cargo-cow/config.yaml", "store: "+w.Path("mine")+"\n")
	if store := enabled(); store != w.Path("mine") {
		t.Errorf("enable makes the store %q", store)
	}
	w.Remove("b/target")
	kept("b", w.Path("mine"))
	// What the build directory was made with.
	w.At("c").Cow("init", "--store", w.Path("other"))
	kept("c", w.Path("other"))
	// What the repository remembers, in every worktree.
	w.Must("b", nil, "git", "init", "--quiet")
	w.Write("b/.gitignore", "target\n")
	w.Must("b", nil, "git", "add", "--all")
	w.Must("b", nil, "git", "commit", "--quiet", "--message=one")
	w.At("b").Cow("init", "--store", w.Path("repository"))
	w.Must("b", nil, "git", "worktree", "add", "--quiet", w.Path("f"))
	w.Must("b", nil, "cargo", "clean", "--quiet")
	kept("b", w.Path("repository"))
	w.Edit("f/src/main.rs", "{}", "{ println!(\"f\"); }")
	before := strings.Count(w.Read("repository/warehouse/events"), "\n")
	w.good("f", nil)
	if after := strings.Count(w.Read("repository/warehouse/events"), "\n"); after != before+1 {
		t.Errorf("a worktree's call is not in the store of its repository")
	}
	// That of the environment.
	w.Write("named/version", "cargo-cow store 1\n")
	kept("d", w.Path("named"), "CARGO_COW_STORE="+w.Path("named"))
	// None at all, on request.
	w.good("e", []string{"CARGO_COW_STORE=" + w.Path("named"), "CARGO_COW_WAREHOUSE=off"})
	if text := w.Read("named/warehouse/events"); strings.Count(text, "\n") != 1 {
		t.Errorf("the warehouse is not off:\n%s", text)
	}
}
