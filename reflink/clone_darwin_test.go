package reflink_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/reflink"
)

// On APFS, which every Mac has, new files and whole directories are clones; what is open
// is copied.
func TestClonefile(t *testing.T) {
	dir := t.TempDir()
	if ok, err := reflink.Probe(dir, dir); !ok || err != nil {
		t.Fatalf("Probe: %v, %v", ok, err)
	}
	src := create(t, filepath.Join(dir, "src"), data(50_000))
	modify(t, src.Name())
	c := reflink.NewCopier(reflink.Always)
	dst := filepath.Join(dir, "dst")
	must(t, c.NewFile(t.Context(), dst, src.Name(), time.Time{}))
	wantContent(t, dst, data(50_000))
	if got, want := stat(t, dst).Mtim, stat(t, src.Name()).Mtim; got != want {
		t.Errorf("NewFile: modified at %v, want %v", got, want)
	}
	open := create(t, filepath.Join(dir, "open"), nil)
	if err := reflink.File(open, src); !errors.Is(err, reflink.ErrUnsupported) {
		t.Errorf("File: %v, want ErrUnsupported", err)
	}
	if cloned, err := c.File(t.Context(), open, src); cloned || err != nil {
		t.Errorf("Copier.File: %v, %v, want a copy", cloned, err)
	}
	wantContent(t, open.Name(), data(50_000))

	tree := filepath.Join(dir, "tree")
	must(t, os.MkdirAll(filepath.Join(tree, "a"), 0o755))
	create(t, filepath.Join(tree, "a/large"), data(5000))
	create(t, filepath.Join(tree, "a/small"), data(100))
	whole := reflink.Stats{Files: 2, Cloned: 2, ClonedBytes: 5100}
	one := reflink.Stats{Files: 2, Cloned: 1, ClonedBytes: 5000, Copied: 1, CopiedBytes: 100}
	must(t, os.Mkdir(filepath.Join(dir, "there"), 0o755))
	for name, want := range map[string]reflink.Stats{"new": whole, "there": one} {
		got, err := reflink.CopyTree(t.Context(), filepath.Join(dir, name), tree, reflink.Options{Mode: reflink.Always})
		if got != want || err != nil {
			t.Errorf("CopyTree to %s: %+v, %v, want %+v", name, got, err, want)
		}
		wantContent(t, filepath.Join(dir, name, "a/large"), data(5000))
	}
}
