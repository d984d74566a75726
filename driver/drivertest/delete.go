package drivertest

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
)

func testDelete(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	must(t, e.Clone(t.Context(), e.path("clone"), tree))
	must(t, e.Create(t.Context(), e.path("empty")))
	for _, name := range []string{"tree", "sealed", "clone", "empty"} {
		must(t, e.Delete(t.Context(), e.path(name)))
		wantAbsent(t, e.path(name))
		if err := e.Delete(t.Context(), e.path(name)); err != nil {
			t.Errorf("Delete(%s) again: %v", name, err)
		}
	}
	if err := e.Delete(t.Context(), e.path("no/parent")); err != nil {
		t.Errorf("Delete of a name without parent: %v", err)
	}
	// The names are free again.
	must(t, e.Create(t.Context(), tree))
}

func testDeleteNested(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	must(t, e.Create(t.Context(), filepath.Join(tree, "debug/inner")))
	fill(t, filepath.Join(tree, "debug/inner"))
	must(t, e.Create(t.Context(), filepath.Join(tree, "debug/inner/empty/innermost")))
	must(t, e.Seal(t.Context(), filepath.Join(tree, "empty/sealed"), filepath.Join(tree, "debug/inner")))
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	must(t, e.Clone(t.Context(), e.path("clone"), e.path("sealed")))
	for _, name := range []string{"tree", "sealed", "clone"} {
		must(t, e.Delete(t.Context(), e.path(name)))
	}
	e.wantOnly(t)
}

func testDeleteUnwritable(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	must(t, os.MkdirAll(filepath.Join(tree, "a/b/c"), 0o755))
	write(t, filepath.Join(tree, "a/b/c/file"), "file")
	must(t, os.Chmod(filepath.Join(tree, "a/b/c"), 0o555))
	must(t, os.Chmod(filepath.Join(tree, "a/b"), 0o000))
	must(t, os.Chmod(filepath.Join(tree, "a"), 0o555))
	must(t, e.Delete(t.Context(), tree))
	e.wantOnly(t)
}

func testDeleteDirectory(t *testing.T, e env) {
	dir := e.path("dir")
	must(t, os.Mkdir(dir, 0o755))
	fill(t, dir)
	must(t, e.Create(t.Context(), filepath.Join(dir, "debug/tree")))
	must(t, e.Seal(t.Context(), filepath.Join(dir, "debug/sealed"), filepath.Join(dir, "debug/tree")))
	must(t, e.Delete(t.Context(), dir))
	e.wantOnly(t)
}

func testDeleteRefuses(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	want := describe(t, tree)
	must(t, os.Symlink("tree", e.path("link")))
	write(t, e.path("file"), "file")
	for _, name := range []string{"link", "link/", "file"} {
		wantErr(t, "Delete("+name+")", e.Delete(t.Context(), e.dir+"/"+name), driver.ErrNotTree)
	}
	e.wantOnly(t, "tree", "link", "file")
	wantSame(t, describe(t, tree), want)

	// A link inside a tree goes, what it names stays.
	must(t, e.Create(t.Context(), e.path("other")))
	must(t, os.Symlink("../tree", filepath.Join(e.path("other"), "link")))
	must(t, e.Delete(t.Context(), e.path("other")))
	wantSame(t, describe(t, tree), want)
}

// testDeleteRefusesMount needs root to mount. Run as another user it does
// nothing: the suite runs as root on the same driver too.
func testDeleteRefusesMount(t *testing.T, e env) {
	if os.Getuid() != 0 {
		return
	}
	precious := e.tree(t, "precious")
	want := describe(t, precious)
	for _, at := range []string{"tree", "tree/a b\\c/deep"} {
		tree := e.path("tree")
		must(t, e.Create(t.Context(), tree))
		must(t, os.MkdirAll(e.path(at), 0o755))
		must(t, unix.Mount(precious, e.path(at), "", unix.MS_BIND, ""))
		err := e.Delete(t.Context(), tree)
		must(t, unix.Unmount(e.path(at), 0))
		wantErr(t, "Delete with a mount at "+at, err, driver.ErrBusy)
		wantSame(t, describe(t, precious), want)
		must(t, e.Delete(t.Context(), tree))
		wantAbsent(t, tree)
	}
}
