package active

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
)

func take(t *testing.T, d Dir, o Options) *Claim {
	t.Helper()
	c, err := Take(t.Context(), d, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDiscard(t *testing.T) {
	d, o := checkout(t)
	if err := replace(t, d, o, "new"); err != nil {
		t.Fatal(err)
	}
	c := take(t, d, o)
	if err := c.DiscardUndo(t.Context()); err != nil || c.Undoable() {
		t.Errorf("undo is there: %v", err)
	}
	if got := d.which(t); got != "new" {
		t.Errorf("the build directory is %q", got)
	}
	if err := c.LockCargo(t.Context(), d.Path, true, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Discard(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(d.Path); !os.IsNotExist(err) {
		t.Errorf("the build directory is there: %v", err)
	}
	if left := d.beside(t); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// What undo would bring back keeps its name when whoever comes knows nothing of git.
func TestFound(t *testing.T) {
	for _, inGit := range []bool{true, false} {
		d, o := checkout(t)
		d = At(d.Path, inGit)
		if err := replace(t, d, o, "new"); err != nil {
			t.Fatal(err)
		}
		before := d.beside(t)
		if err := take(t, Found(d.Path), o).Release(); err != nil {
			t.Error(err)
		}
		if after := d.beside(t); !slices.Equal(after, before) {
			t.Errorf("in git %v: %q has become %q", inGit, before, after)
		}
	}
}

// Whoever is killed in between leaves what the next claim puts away.
func TestDiscardKilled(t *testing.T) {
	d, o := checkout(t)
	if err := replace(t, d, o, "new"); err != nil {
		t.Fatal(err)
	}
	if err := crashpoint.Arm("discard.renamed=error"); err != nil {
		t.Fatal(err)
	}
	c := take(t, d, o)
	err := c.DiscardUndo(t.Context())
	if disarm := crashpoint.Arm(""); err == nil || disarm != nil {
		t.Fatalf("it did not fail: %v, %v", err, disarm)
	}
	if c.Undoable() {
		t.Error("undo is there")
	}
	if left := d.beside(t); len(left) != 1 {
		t.Errorf("beside it: %q", left)
	}
	if err := c.Release(); err != nil {
		t.Error(err)
	}
	if left := d.beside(t); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	if got := d.which(t); got != "new" {
		t.Errorf("the build directory is %q in %s", got, filepath.Dir(d.Path))
	}
}
