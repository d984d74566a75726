package driver_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
)

func mark(t *testing.T, dir, content string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mark"), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readMark(t *testing.T, dir string) string {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, "mark"))
	if err != nil {
		t.Error(err)
	}
	return string(got)
}

func wantMark(t *testing.T, dir, want string) {
	t.Helper()
	if got := readMark(t, dir); got != want {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func sync(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		t.Fatal(err)
	}
}

func TestExchange(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "sub/b")
	mark(t, a, "a")
	mark(t, b, "b")
	if err := driver.Exchange(a+"/", b); err != nil {
		t.Fatal(err)
	}
	wantMark(t, a, "b")
	wantMark(t, b, "a")
	if err := driver.Exchange(a, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Exchange with nothing: %v, want ErrNotExist", err)
	}
	wantMark(t, a, "b")
}

func TestPublish(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	mark(t, a, "a")
	if err := os.Mkdir(b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := driver.Publish(a, b); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Publish over an empty directory: %v, want ErrExist", err)
	}
	wantMark(t, a, "a")
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	if err := driver.Publish(a, b); err != nil {
		t.Fatal(err)
	}
	wantMark(t, b, "a")
}

// The ways of putting a clone in the place of a target directory, then a power
// cut: what was exchanged and synced stays so, and what was not is whole.
func TestExchangeOnBtrfs(t *testing.T) {
	disk, d := faultdisk.Mounted(t, "btrfs", ""), btrfs.New()
	dir := disk.Dir()
	create := func(path string) string {
		path = filepath.Join(dir, path)
		if err := d.Create(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	target, old := create("target"), filepath.Join(dir, "plain")
	clone1, clone2 := create("clone1"), create("clone2")
	mark(t, target, "target")
	mark(t, old, "plain")
	mark(t, clone1, "clone1")
	mark(t, clone2, "clone2")
	sync(t, dir)

	for _, pair := range [][2]string{{clone1, target}, {clone2, old}} {
		if err := driver.Exchange(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	published := filepath.Join(dir, "published")
	if err := driver.Publish(clone1, published); err != nil {
		t.Fatal(err)
	}
	if err := driver.SyncNames(dir); err != nil {
		t.Fatal(err)
	}
	if err := driver.Exchange(published, target); err != nil {
		t.Fatal(err)
	}
	disk.PowerCut(t, faultdisk.Loss{})
	if one, other := readMark(t, target), readMark(t, published); one+other != "clone1target" && one+other != "targetclone1" {
		t.Errorf("after a power cut the exchanged names stand for %q and %q", one, other)
	}
	wantMark(t, old, "clone2")
	wantMark(t, clone2, "plain")

	// What the documentation says of the limits.
	elsewhere := create("elsewhere")
	mark(t, filepath.Join(elsewhere, "dir"), "dir")
	if err := driver.Exchange(filepath.Join(elsewhere, "dir"), target); !errors.Is(err, unix.EXDEV) {
		t.Errorf("Exchange of a directory and a tree across trees: %v, want EXDEV", err)
	}
	sealed := filepath.Join(dir, "sealed")
	if err := d.Seal(t.Context(), sealed, target); err != nil {
		t.Fatal(err)
	}
	if err := driver.Publish(sealed, filepath.Join(elsewhere, "sealed")); !errors.Is(err, unix.EROFS) {
		t.Errorf("Publish of a sealed tree in another directory: %v, want EROFS", err)
	}
	if err := driver.Publish(sealed, filepath.Join(dir, "renamed")); err != nil {
		t.Errorf("Publish of a sealed tree in its own directory: %v", err)
	}
}
