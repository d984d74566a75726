package survival

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// A restore starts git once, to list the files of a package whose script may read any, and
// cargo not at all, also as the first in a new worktree: starting them was most of what
// fifty restores at once took (docs/design/0022-fifty-at-once.md).
func TestWhatARestoreStarts(t *testing.T) {
	t.Parallel()
	dir := loopfs.Btrfs(t)
	// What was answered elsewhere is not known here.
	w := &world{World: fixture.NewWorld(t, dir, "XDG_CACHE_HOME="+filepath.Join(dir, "cache")), store: filepath.Join(dir, "store")}
	log := w.Path("started")
	for _, name := range []string{"git", "cargo"} {
		real, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Script("bin/"+name, "echo "+name+" \"$@\" >> "+log+"\nexec "+real+" \"$@\"\n")
	}
	w.Env = append(w.Env, "PATH="+w.Path("bin")+":"+os.Getenv("PATH"))
	w.origin = w.at("a")
	w.origin.Write("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
	w.origin.Write(".gitignore", "/target\n")
	w.origin.Write("build.rs", "fn main() {}\n") // declares nothing
	w.origin.Write("src/main.rs", "fn main() { println!(\"first cow\") }\n")
	w.origin.Must("cargo", "generate-lockfile", "--offline", "--quiet")
	w.origin.Repository()
	w.sealed()
	p := w.checkout("b")
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	p.cow("restore")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	started := strings.Split(strings.TrimSpace(string(text)), "\n")
	if want := []string{"git -c core.fsmonitor= ls-files -z -t --stage --cached --others --exclude-standard"}; !slices.Equal(started, want) {
		t.Errorf("a restore started %q, want %q", started, want)
	}
	p.builds(nil, "first")
}
