package active

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// Where the store cannot be written, the directory around the build directory is the
// lock, and it excludes those who could write to the store as well.
func TestLockBeside(t *testing.T) {
	claims := t.TempDir()
	target := At(filepath.Join(t.TempDir(), "app", "target"), false)
	if err := os.Mkdir(filepath.Dir(target.Path), 0o777); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	lock := func(c *Claim) (func() error, error) {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		return c.lockOut(ctx, nil)
	}
	able := newClaim(target, Options{Claims: claims})
	// A store whose leases are on a disk that is read-only for us.
	barred := newClaim(target, Options{Claims: loopfs.ReadOnlyView(t, claims)})

	first, err := lock(able)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(able); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("two in one place: got %v", err)
	}
	if err := first(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(able.lockFile); err != nil {
		t.Fatal(err)
	}
	second, err := lock(barred)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]*Claim{"who cannot write": barred, "who can": able} {
		if _, err := lock(other); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("beside one who cannot write, %s: got %v", name, err)
		}
	}
	other := newClaim(At(filepath.Join(filepath.Dir(target.Path), "other"), false), able.opts)
	if err := second(); err != nil {
		t.Fatal(err)
	}
	// Those who can write do not get in each other's way in one directory.
	one, err1 := able.lockOut(ctx, nil)
	two, err2 := other.lockOut(ctx, nil)
	if err := errors.Join(err1, err2, one(), two()); err != nil {
		t.Error(err)
	}
	if at, err := barred.Tick(ctx); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("the kernel's clock: got %v, %v", at, err)
	}
	if list, err := os.ReadDir(filepath.Dir(target.Path)); err != nil || len(list) != 0 {
		t.Errorf("something is left beside the build directory: %v, %v", list, err)
	}
}

// A command that must not wait for a build waits for another command only as long as one
// works that does not wait for a build itself.
func TestTakeWithoutWaiting(t *testing.T) {
	target := At(filepath.Join(t.TempDir(), "target"), false)
	o := Options{Claims: t.TempDir()}
	first, err := Take(t.Context(), target, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.NoWait = true
	if _, err := Take(t.Context(), target, o, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("beside one that stays: got %v, want ErrBusy", err)
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		if err := first.Release(); err != nil {
			t.Error(err)
		}
	}()
	second, err := Take(t.Context(), target, o, nil)
	if err != nil {
		t.Fatalf("beside one that soon ends: %v", err)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
}
