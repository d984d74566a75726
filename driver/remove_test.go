package driver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestCheckRemovableKnowsThisMachine(t *testing.T) {
	for _, path := range []string{"/", "/proc", "/proc/"} {
		if err := CheckRemovable(path); err == nil {
			t.Errorf("CheckRemovable(%s): nil", path)
		}
	}
	if err := CheckRemovable(t.TempDir()); err != nil {
		t.Error(err)
	}
	// A relative path, and a parent that is a link.
	t.Chdir("/")
	if err := CheckRemovable("proc"); err == nil {
		t.Error("CheckRemovable(proc) in /: nil")
	}
	link := t.TempDir() + "/link"
	if err := os.Symlink("/", link); err != nil {
		t.Fatal(err)
	}
	if err := CheckRemovable(link + "/proc"); err == nil {
		t.Error("CheckRemovable(link to /, proc): nil")
	}
}

// While directories without rights are opened up to be removed, one of them becomes a link:
// what that leads to keeps its mode.
func TestRemoveAllOpensUpNothingElse(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	locked := filepath.Join(outside, "locked")
	if err := errors.Join(os.Mkdir(locked, 0o500), os.Mkdir(filepath.Join(dir, "a"), 0o300), os.Mkdir(filepath.Join(dir, "a", "b"), 0)); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"x": locked, "a/y": outside} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	openUp(dir)
	for name, want := range map[string]fs.FileMode{"a": 0o700, "a/b": 0o700} {
		if fi, err := os.Lstat(filepath.Join(dir, name)); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, fi.Mode(), err)
		}
	}
	openUp(filepath.Join(dir, "x")) // a link instead of the directory itself
	if fi, err := os.Lstat(locked); err != nil || fi.Mode().Perm() != 0o500 {
		t.Errorf("outside: %v, %v", fi.Mode(), err)
	}
	if err := RemoveAll(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(locked); err != nil {
		t.Error(err)
	}
}
