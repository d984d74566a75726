package locate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// The notes by which a store is found lie where anybody may have written them: in build
// directories, beside a .git, in the user's files. What is found is a clean path, or
// nothing.
func FuzzNotes(f *testing.F) {
	for _, text := range []string{
		"/s/one\n", "/s/one\nnamed\n", "/s/one", "../up\n", "/a/../b\n", "/s/\x00\n", "gitdir: ../x/.git/worktrees/a\n", "gitdir: /\n", "gitdir: \n",
		"store: /s/one\n", "store: \"/s/o\\u0000\"\n", "store: '/s'\n", "store: /s # x\n", "/a\n/b\n/c", "\n\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		file := filepath.Join(dir, "file")
		for _, path := range []string{file, filepath.Join(dir, ".git"), filepath.Join(dir, paths.TreeStore), ChosenFile(dir), madeFile(dir)} {
			write(t, path, text)
		}
		for _, r := range []Remembered{Noted(dir)} {
			if r.Dir != "" && !paths.IsClean(r.Dir) {
				t.Errorf("noted is %q", r.Dir)
			}
		}
		for _, path := range append(made(dir), chosen(dir)) {
			if path != "" && !paths.IsClean(path) {
				t.Errorf("found %q", path)
			}
		}
		for _, path := range []string{configured(file), Repository(dir)} {
			if path != "" && !filepath.IsAbs(path) {
				t.Errorf("found %q, which is relative", path)
			}
		}
	})
}

// A store that lies in a checkout counts only where the repository's own directory, or the
// user's files, say that it was made: a commit can bring a store, and a build directory
// that names it.
func TestStoreInCheckout(t *testing.T) {
	for _, mark := range []string{".git/HEAD", "Cargo.toml"} {
		t.Run(mark, func(t *testing.T) {
			top := t.TempDir()
			app := filepath.Join(top, "app")
			write(t, filepath.Join(app, mark), "")
			brought := store(t, storeIn(app), "btrfs")
			named := store(t, filepath.Join(app, "cache"), "copy")
			data := filepath.Join(top, "data")
			if err := Note(filepath.Join(app, "target"), Remembered{named, true}); err == nil {
				t.Fatal("noted where no build directory is")
			}
			if err := os.Mkdir(filepath.Join(app, "target"), 0o777); err != nil {
				t.Fatal(err)
			}
			find := func(q Question) string {
				q.BuildDir, q.Data = filepath.Join(app, "target"), data
				dir, _ := q.Find()
				return dir
			}
			if got := find(Question{Noted: Remembered{named, true}}); got != "" {
				t.Errorf("a store that the checkout brought serves: %s", got)
			}
			link := filepath.Join(top, "link")
			if err := os.Symlink(named, link); err != nil {
				t.Fatal(err)
			}
			if got := find(Question{Noted: Remembered{link, true}}); got != "" {
				t.Errorf("by another name it serves: %s", got)
			}
			if got := find(Question{Remembered: []Remembered{{named, true}}}); got != named {
				t.Errorf("the repository remembers %s, and %q serves", named, got)
			}
			if got := find(Question{Configured: named}); got != named {
				t.Errorf("the user named %s, and %q serves", named, got)
			}
			if err := AddMade(data, brought); err != nil {
				t.Fatal(err)
			}
			if got := find(Question{}); got != brought {
				t.Errorf("%s was made here, and %q serves", brought, got)
			}
		})
	}
}

// What others may write to is not this user's alone.
func TestStoreOfSeveral(t *testing.T) {
	dir := store(t, filepath.Join(t.TempDir(), "s"), "copy")
	for mode, want := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o775: false, 0o777: false, 0o1777: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if IsStore(dir) != want {
			t.Errorf("mode %o: IsStore is %v", mode, !want)
		}
	}
}

func storeIn(dir string) string { return filepath.Join(dir, paths.BesideStore()) }
