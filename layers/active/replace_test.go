package active

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
)

// A checkout whose build directory has a file that tells which one it is.
func checkout(t *testing.T) (Dir, Options) {
	t.Helper()
	root := t.TempDir()
	d := At(filepath.Join(root, "app", "target"), true)
	mark(t, d.Path, "old")
	claims := filepath.Join(root, "claims")
	if err := os.Mkdir(claims, 0o700); err != nil {
		t.Fatal(err)
	}
	return d, Options{Driver: plain.New(plain.Copy), Claims: claims}
}

func mark(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "which"), []byte(name), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (d Dir) which(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(d.Path, "which"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// beside lists what lies beside the build directory.
func (d Dir) beside(t *testing.T) []string {
	t.Helper()
	names, err := ls.Names(filepath.Dir(d.Path))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return slices.DeleteFunc(names, func(n string) bool { return n == filepath.Base(d.Path) })
}

// replace puts a tree called name in place.
func replace(t *testing.T, d Dir, o Options, name string) error {
	t.Helper()
	c, err := Take(t.Context(), d, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	if err := c.LockCargo(t.Context(), d.Path, true, nil); err != nil {
		t.Fatal(err)
	}
	tmp, err := c.Prepare(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	mark(t, tmp, name)
	_, err = c.Replace(t.Context(), tmp)
	return err
}

func TestReplaceAndBringBack(t *testing.T) {
	d, o := checkout(t)
	for _, name := range []string{"second", "third"} {
		if err := replace(t, d, o, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"second", "third"} {
		c, err := Take(t.Context(), d, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.LockCargo(t.Context(), d.Path, true, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.BringBack(); err != nil {
			t.Fatal(err)
		}
		if err := c.Release(); err != nil {
			t.Error(err)
		}
		if got := d.which(t); got != want {
			t.Errorf("brought back %q, want %q", got, want)
		}
	}
	if got := d.beside(t); !slices.Equal(got, []string{"target.cargo-cow-undo"}) {
		t.Errorf("beside the build directory lies %q", got)
	}
}

// What a command that failed has left goes, and what it replaced stays for undo.
func TestTidy(t *testing.T) {
	for point, want := range map[string]string{"replace.exchanged": "old", "replace.aside": "new"} {
		t.Run(point, func(t *testing.T) {
			d, o := checkout(t)
			t.Cleanup(func() { crashpoint.Arm("") })
			if err := crashpoint.Arm(point + "=error"); err != nil {
				t.Fatal(err)
			}
			if err := replace(t, d, o, "new"); err == nil {
				t.Fatal("it did not fail")
			}
			if got := d.which(t); got != want {
				t.Errorf("in place is %q, want %q", got, want)
			}
			if got, undo := d.beside(t), want == "new"; undo != d.Undoable() || undo != (len(got) == 1) {
				t.Errorf("beside the build directory lies %q", got)
			}
		})
	}
}

// An undo that is killed has exchanged two trees, and not yet what hides one of them from
// git.
func TestTidyAfterHalfAnUndo(t *testing.T) {
	d, o := checkout(t)
	if err := replace(t, d, o, "new"); err != nil {
		t.Fatal(err)
	}
	if err := driver.Exchange(d.undo, d.Path); err != nil {
		t.Fatal(err)
	}
	// Of this one the disk had room for a part only.
	if err := os.WriteFile(filepath.Join(d.undo, ignoreFile), []byte("# What"), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := Take(t.Context(), d, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	if got := d.which(t); got != "old" {
		t.Errorf("in place is %q", got)
	}
	for tree, want := range map[string]string{d.Path: "", d.undo: ignoreReplaced} {
		if text, _ := os.ReadFile(filepath.Join(tree, ignoreFile)); string(text) != want {
			t.Errorf("%s says to git %q, want %q", filepath.Base(tree), text, want)
		}
	}
}

// interrupted is a driver whose deletions are cut short when they have taken the mark of a
// tree away, as by a kill: it goes file by file.
type interrupted struct{ *plain.Driver }

func (interrupted) Delete(_ context.Context, tree string) error {
	if err := os.RemoveAll(filepath.Join(tree, MetaDir)); err != nil {
		return err
	}
	return unix.EIO
}

// What is left of a copy that was being deleted is nothing that undo brings back.
func TestTidyAfterHalfADeletion(t *testing.T) {
	d, o := checkout(t)
	if err := replace(t, d, o, "copy"); err != nil {
		t.Fatal(err)
	}
	c, err := Take(t.Context(), d, Options{Driver: interrupted{plain.New(plain.Copy)}, Claims: o.Claims}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.LockCargo(t.Context(), d.Path, true, nil); err != nil {
		t.Fatal(err)
	}
	tmp, err := c.Prepare(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	mark(t, tmp, "new")
	if _, err := c.ReplaceKeepingUndo(t.Context(), tmp); !errors.Is(err, unix.EIO) {
		t.Fatalf("ReplaceKeepingUndo = %v, want the error of the deletion", err)
	}
	_ = c.Release()

	if c, err = Take(t.Context(), d, o, nil); err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	if err := c.LockCargo(t.Context(), d.Path, true, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.BringBack(); err != nil {
		t.Fatal(err)
	}
	if got := d.which(t); got != "old" {
		t.Errorf("brought back %q, want what was there before the copy", got)
	}
	if got := d.beside(t); !slices.Equal(got, []string{"target.cargo-cow-undo"}) {
		t.Errorf("beside the build directory lies %q", got)
	}
}
