package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// The wrapper finds the store that the commands find: by the same rule
// (layers/locate), from what it can know without asking cargo or git.
func TestFindStore(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	put := func(path, text string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	store := func(name string) string {
		put(name+"/version", "cargo-cow store 1\n")
		put(name+"/driver", "btrfs\n")
		return filepath.Join(dir, name)
	}
	env := []string{"HOME=" + dir + "/home"}
	out := filepath.Join(dir, "src/app/target/debug/deps")
	put("src/app/target/debug/deps/x.d", "")
	if err := os.Symlink(dir+"/src", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	check := func(what, want string, more ...string) {
		t.Helper()
		for _, from := range []string{out, filepath.Join(dir, "link/app/target/debug/deps")} {
			if got := findStore(from, append(more, env...)); got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
	}
	check("nothing", "")
	cache := store("home/.cache/cargo-cow")
	put("home/.cache/cargo-cow/driver", "copy\n")
	check("in the cache", cache)
	beside := store("src/.cargo-cow-" + strconv.Itoa(os.Geteuid()))
	check("beside", beside)
	chosen := store("chosen")
	put("home/.local/share/cargo-cow/store", chosen+"\n")
	check("chosen", chosen)
	noted := store("noted")
	put("src/app/target/.cargo-cow/store", noted+"\n")
	check("noted in the build directory", noted)
	remembered := store("remembered")
	put("src/app/.git/cargo-cow/config.json", `{"version":2,"store":"/gone","stores":[{"dir":"/gone"},{"dir":"`+remembered+`"}],"workspaces":["."]}`)
	check("remembered by the repository", remembered)
	configured := store("configured")
	put("home/.config/cargo-cow/config.yaml", "store: "+configured+"\n")
	check("configured", configured)
	own := store("own")
	put("src/app/.git/cargo-cow/config.json", `{"version":2,"store":"`+own+`","stores":[{"dir":"`+own+`","named":true},{"dir":"`+remembered+`"}],"workspaces":["."]}`)
	check("named for the repository", own)
	named := store("named")
	check("named", named, "CARGO_COW_STORE="+named)
	check("named, and not there", "", "CARGO_COW_STORE=/gone")
	check("off", "", "CARGO_COW_WAREHOUSE=off")

	// A nested repository is another one.
	put("src/app/target/.git/HEAD", "")
	if err := os.Remove(filepath.Join(dir, "home/.config/cargo-cow/config.yaml")); err != nil {
		t.Fatal(err)
	}
	check("below another repository", noted)
	put("home/.config/cargo-cow/config.yaml", "store: "+configured+"\n")
	check("configured, and not named for the build directory", configured)
	put("src/app/target/.cargo-cow/store", noted+"\nnamed\n")
	check("named for the build directory", noted)
}
