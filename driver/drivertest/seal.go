package drivertest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
)

func testSealKeeps(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	want := describe(t, tree)
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	wantSame(t, describe(t, e.path("sealed")), want)
	if ok, err := e.Holds(e.path("sealed")); !ok || err != nil {
		t.Errorf("Holds(sealed): %v, %v, want a tree", ok, err)
	}
}

// testSealIsCopy also writes through a descriptor opened before the seal, which
// is where making a tree read-only in place fails.
func testSealIsCopy(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	f, err := os.OpenFile(filepath.Join(tree, "debug/deps/libx.rlib"), os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	want := describe(t, e.path("sealed"))
	if _, err := f.WriteAt([]byte("late"), 0); err != nil {
		t.Error("source is not writable after Seal:", err)
	}
	change(t, tree)
	must(t, e.Delete(t.Context(), tree))
	wantSame(t, describe(t, e.path("sealed")), want)
}

func testSealRefuses(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	want := describe(t, e.path("sealed"))
	change(t, tree)
	must(t, os.Symlink("nowhere", e.path("link")))
	must(t, os.Mkdir(e.path("emptydir"), 0o755))

	wantErr(t, "Seal onto a sealed tree", e.Seal(t.Context(), e.path("sealed"), tree), fs.ErrExist)
	wantErr(t, "Seal onto a link", e.Seal(t.Context(), e.path("link"), tree), fs.ErrExist)
	wantErr(t, "Seal onto an empty directory", e.Seal(t.Context(), e.path("emptydir"), tree), fs.ErrExist)
	wantErr(t, "Seal of nothing", e.Seal(t.Context(), e.path("new"), e.path("none")), fs.ErrNotExist)
	wantErr(t, "Seal of a link", e.Seal(t.Context(), e.path("new"), e.path("link")), driver.ErrNotTree)
	wantErr(t, "Seal without parent", e.Seal(t.Context(), e.path("no/new"), tree), fs.ErrNotExist)
	e.wantOnly(t, "tree", "sealed", "link", "emptydir")
	wantSame(t, describe(t, e.path("sealed")), want)

	holds, err := e.Holds(e.path("emptydir"))
	must(t, err)
	if !holds {
		wantErr(t, "Seal of an ordinary directory", e.Seal(t.Context(), e.path("new"), e.path("emptydir")), driver.ErrNotTree)
		wantAbsent(t, e.path("new"))
	}
}

func testSealLeavesNothing(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	e.wantOnly(t, "tree", "sealed")
}

func testEnforcesSeal(t *testing.T, e env) {
	tree := e.tree(t, "tree")
	sealed := e.path("sealed")
	must(t, e.Seal(t.Context(), sealed, tree))
	want := describe(t, sealed)
	if !e.Caps().EnforcesSeal {
		return
	}
	for op, err := range map[string]error{
		"create file": os.WriteFile(filepath.Join(sealed, "new"), nil, 0o644),
		"write file":  os.WriteFile(filepath.Join(sealed, "debug/deps/inline"), nil, 0o644),
		"remove file": os.Remove(filepath.Join(sealed, "debug/deps/inline")),
		"chmod":       os.Chmod(filepath.Join(sealed, "debug"), 0o700),
		"rename":      os.Rename(filepath.Join(sealed, "debug/x"), filepath.Join(sealed, "debug/y")),
		"mkdir":       os.Mkdir(filepath.Join(sealed, "dir"), 0o755),
	} {
		if err == nil {
			t.Errorf("%s in a sealed tree succeeded", op)
		}
	}
	wantSame(t, describe(t, sealed), want)
}

// testSealDurable cuts the power right after Seal has returned. It leaves to the
// tests after it a file system that has been through that.
func testSealDurable(t *testing.T, f Factory, disk *faultdisk.Disk) {
	dir := filepath.Join(disk.Dir(), "durable")
	must(t, os.Mkdir(dir, 0o755))
	e := env{f.Driver, dir}
	tree := e.tree(t, "tree")
	for i := range 300 {
		write(t, filepath.Join(tree, "debug/deps", fmt.Sprint(i)), big[:i*300])
	}
	want := describe(t, tree)
	must(t, e.Seal(t.Context(), e.path("sealed"), tree))
	disk.PowerCut(t, faultdisk.Loss{})
	wantSame(t, describe(t, e.path("sealed")), want)
}

// testSealTells has the disk fail one write of those that Seal waits for: it says so, and
// what could not be written is not sealed. Each time it is another write.
func testSealTells(t *testing.T, f Factory, disk *faultdisk.Disk) {
	dir := filepath.Join(disk.Dir(), "tells")
	must(t, os.Mkdir(dir, 0o755))
	must(t, driver.SyncFileSystem(dir))
	e := env{f.Driver, dir}
	for after := range 4 {
		tree, sealed := e.tree(t, fmt.Sprint("tree", after)), e.path(fmt.Sprint("sealed", after))
		for i := range 20 {
			write(t, filepath.Join(tree, "debug/deps", fmt.Sprint(i)), big)
		}
		want := describe(t, tree)
		disk.Arm(t, faultdisk.Fault{After: after, Times: 1, Errno: unix.EIO})
		err := e.Seal(t.Context(), sealed, tree)
		failed := disk.Status(t).Failed
		disk.Disarm(t)
		disk.PowerCut(t, faultdisk.Loss{Keep: 1}) // the file system may be read-only
		switch {
		case failed == 0:
			t.Fatal("no write has failed: this shows nothing")
		case err == nil: // it was written again, elsewhere
			wantSame(t, describe(t, sealed), want)
		default:
			if !errors.Is(err, unix.EIO) && !errors.Is(err, unix.EROFS) { // what a file system becomes
				t.Errorf("Seal on a disk that fails: %v", err)
			}
			wantAbsent(t, sealed)
		}
	}
}
