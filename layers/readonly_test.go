package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/lease"
)

// readOnlyView is the directory dir as a sandbox shows it, where it cannot be written.
func readOnlyView(t *testing.T, dir string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		loopfs.Unavailable(t, "only root can mount")
	}
	view := t.TempDir()
	err := unix.Mount(dir, view, "", unix.MS_BIND, "")
	if err == nil {
		t.Cleanup(func() { unix.Unmount(view, unix.MNT_DETACH) })
		err = unix.Mount("", view, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return view
}

func TestIsReadOnly(t *testing.T) {
	for _, err := range []error{unix.EROFS, unix.EACCES, unix.EPERM, &fs.PathError{Op: "open", Path: "x", Err: unix.EROFS}} {
		if !IsReadOnly(fmt.Errorf("write: %w", err)) {
			t.Errorf("%v: got false", err)
		}
	}
	for _, err := range []error{nil, unix.ENOSPC, fs.ErrNotExist, ErrBusy} {
		if IsReadOnly(err) {
			t.Errorf("%v: got true", err)
		}
	}
}

// Where the store cannot be written, the directory around the build directory is the
// lock, and it excludes those who could write to the store as well.
func TestLockPlaceBeside(t *testing.T) {
	s := newStore(t)
	target := targetAt(filepath.Join(t.TempDir(), "app", "target"))
	if err := os.Mkdir(filepath.Dir(target.path), 0o777); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	lock := func(s *Store) (func() error, error) {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		return s.lockPlace(ctx, target, nil)
	}
	// A store whose leases are on a disk that is read-only for us.
	barred := &Store{opts: s.opts}
	barred.opts.Dir = readOnlyView(t, s.opts.Dir)

	first, err := lock(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(s); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("two in one place: got %v", err)
	}
	if err := first(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.claimFile(target)); err != nil {
		t.Fatal(err)
	}
	second, err := lock(barred)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]*Store{"who cannot write": barred, "who can": s} {
		if _, err := lock(other); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("beside one who cannot write, %s: got %v", name, err)
		}
	}
	other := targetAt(filepath.Join(filepath.Dir(target.path), "other"))
	if err := second(); err != nil {
		t.Fatal(err)
	}
	// Those who can write do not get in each other's way in one directory.
	one, err1 := s.lockPlace(ctx, target, nil)
	two, err2 := s.lockPlace(ctx, other, nil)
	if err := errors.Join(err1, err2, one(), two()); err != nil {
		t.Error(err)
	}
	if at, err := barred.instant(ctx, target); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("the kernel's clock: got %v, %v", at, err)
	}
	if list, err := os.ReadDir(filepath.Dir(target.path)); err != nil || len(list) != 0 {
		t.Errorf("something is left beside the build directory: %v, %v", list, err)
	}
}

// A lease on a layer of a store that cannot be written keeps it from being removed.
func TestLeaseOnReadOnlyStore(t *testing.T) {
	s := newStore(t)
	id := s.filed(t, "")
	barred := &Store{opts: s.opts}
	barred.opts.Dir = readOnlyView(t, s.opts.Dir)
	release, err := barred.hold(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), id); !errors.Is(err, ErrInUse) {
		t.Errorf("Remove of a leased layer: got %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if err := barred.Remove(t.Context(), id); !IsReadOnly(err) {
		t.Errorf("Remove where nothing can be written: got %v", err)
	}
	if err := os.Remove(filepath.Join(s.opts.Dir, leasesDir, id+lease.Suffix)); err != nil {
		t.Fatal(err)
	}
	release, err = barred.hold(id)
	if err != nil {
		t.Fatalf("a layer whose lease has no file: %v", err)
	}
	if err := errors.Join(release(), s.Remove(t.Context(), id)); err != nil {
		t.Error(err)
	}
}

func TestRemoveStore(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	id := s.filed(t, "green")
	if err := s.RemoveEmpty(ctx); err == nil {
		t.Error("RemoveEmpty of a store with a layer: no error")
	}
	release, err := s.hold(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveStore(ctx); !errors.Is(err, ErrInUse) {
		t.Errorf("while a layer is leased: got %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	done, err := s.working(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveStore(ctx); !errors.Is(err, ErrInUse) {
		t.Errorf("while somebody seals: got %v", err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Layer(ctx, "green"); err != nil || r.ID != id {
		t.Errorf("after it failed: got %v, %v", r, err)
	}
	if err := s.RemoveStore(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(s.opts.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after all the store is there: %v", err)
	}
	again, err := Create(ctx, s.opts)
	if err == nil {
		err = again.RemoveEmpty(ctx)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestSetLabel(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	a, b := s.filed(t, "a"), s.filed(t, "b")
	if _, changed, err := s.SetLabel(ctx, "a", "c"); !changed || err != nil {
		t.Errorf("another label: got %v, %v", changed, err)
	}
	if _, changed, err := s.SetLabel(ctx, "c", "c"); changed || err != nil {
		t.Errorf("the same label: got %v, %v", changed, err)
	}
	if _, _, err := s.SetLabel(ctx, "b", ""); err != nil {
		t.Error(err)
	}
	want := map[string]string{a: "c", b: ""}
	for range 2 {
		list, err := s.Layers(ctx)
		if err != nil || len(list) != 2 {
			t.Fatalf("got %v, %v", list, err)
		}
		for _, r := range list {
			if r.Label != want[r.ID] {
				t.Errorf("%s is called %q, want %q", r.ID, r.Label, want[r.ID])
			}
		}
		// As sealed, in a record made anew.
		if err := errors.Join(os.Remove(s.recordPath(a)), s.recover(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(ctx, a); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(s.labelPath(a)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the label of a layer that is gone: %v", err)
	}
}

func TestSizesAndSpace(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	a, b := s.filed(t, "a"), s.filed(t, "b")
	list, err := s.Layers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Sizes(ctx, list, time.Minute)
	if err != nil || len(first) != 2 {
		t.Fatalf("got %v, %v", first, err)
	}
	if again, err := s.Sizes(ctx, list, -1); err != nil || again[a] != first[a] || again[b] != first[b] {
		t.Errorf("kept sizes: got %v, %v, want %v", again, err, first)
	}
	for text, want := range map[string]int{
		"": 0, sizesHeader + a + " 12\n": 1, sizesHeader + a + " 12": 0, sizesHeader + a + " -1\n" + b + " x\n": 0, "other\n" + a + " 12\n": 0,
	} {
		if got := parseSizes([]byte(text)); len(got) != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
	if _, err := s.Space(ctx, []string{a, b}); err != nil {
		t.Error(err)
	}
	if _, err := s.Space(ctx, []string{"missing"}); err == nil {
		t.Error("Space of nothing: no error")
	}
}

// targetAt is the build directory at a path, of no repository.
func targetAt(path string) target {
	return newTarget(&Place{Workspace: &cargo.Workspace{BuildDir: path}})
}
