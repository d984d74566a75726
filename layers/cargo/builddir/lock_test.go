package builddir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver/drivertest"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
)

// profileDir makes an empty profile directory as a cargo of the given lock file
// leaves it.
func profileDir(t *testing.T, dir, lockFile string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, lockFile), nil, 0o666); err != nil {
		t.Fatal(err)
	}
}

func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	unlock, err := flock.TryLock(path, flock.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unlock(); err != nil {
			t.Error(err)
		}
	}
}

func free(path string) bool {
	unlock, err := flock.TryLock(path, flock.Exclusive)
	if err != nil {
		return false
	}
	return unlock() == nil
}

func TestLockExcludesEveryCargo(t *testing.T) {
	dir := t.TempDir()
	profileDir(t, dir+"/debug", ".cargo-lock")         // up to 1.95
	profileDir(t, dir+"/release", ".cargo-build-lock") // since 1.96
	profileDir(t, dir+"/x86_64-unknown/debug", ".cargo-lock")
	locks, err := Lock(t.Context(), nil, dir, dir, dir+"/none")
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range []string{"debug", "release", "x86_64-unknown/debug"} {
		for _, f := range LockFiles {
			if free(filepath.Join(dir, profile, f)) {
				t.Errorf("%s/%s is free while we hold the directory", profile, f)
			}
		}
	}
	if err := locks.Unlock(); err != nil {
		t.Fatal(err)
	}
	if !free(dir + "/debug/.cargo-lock") {
		t.Error("still locked after Unlock")
	}
}

func TestLockTaken(t *testing.T) {
	dir := t.TempDir()
	profileDir(t, dir+"/debug", ".cargo-lock")
	profileDir(t, dir+"/release", ".cargo-lock")
	release := hold(t, dir+"/release/.cargo-lock")
	if _, err := Lock(t.Context(), nil, dir); !errors.Is(err, ErrLocked) {
		t.Fatalf("Lock without waiting: %v; want ErrLocked", err)
	}
	if !free(dir + "/debug/.cargo-lock") {
		t.Error("a failed Lock keeps what it got")
	}
	told := make(chan bool, 10)
	done := make(chan error)
	go func() {
		locks, err := Lock(t.Context(), func() { told <- true }, dir)
		if err == nil {
			err = locks.Unlock()
		}
		done <- err
	}()
	<-told
	select {
	case err := <-done:
		t.Fatalf("Lock did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	// A build that needs only what nobody builds in must not wait for one that
	// is at work elsewhere.
	if !free(dir + "/debug/.cargo-lock") {
		t.Error("debug is kept locked while release is waited for")
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(told) != 0 {
		t.Error("told more than once")
	}
}

// Where builds follow each other, so that one always waits, Lock has its turn like a
// build, and not when they pause.
func TestLockBetweenBuilds(t *testing.T) {
	dir := t.TempDir()
	profileDir(t, dir+"/debug", ".cargo-lock")
	lock := dir + "/debug/.cargo-lock"
	var (
		stop   atomic.Bool
		turns  atomic.Int32
		builds sync.WaitGroup
	)
	for range 3 {
		builds.Go(func() {
			for !stop.Load() {
				unlock, err := flock.Lock(t.Context(), lock, flock.Exclusive, nil)
				if err != nil {
					t.Error(err)
					return
				}
				turns.Add(1)
				time.Sleep(10 * time.Millisecond)
				if err := unlock(); err != nil {
					t.Error(err)
				}
				time.Sleep(2 * time.Millisecond) // a process ends, another one is started
			}
		})
	}
	// Each of the three may be in front once when Lock comes, and one more may slip in
	// where the kernel has woken us and not run us yet.
	const most = 6
	waited := 0
	for range 15 {
		began := int32(0)
		locks, err := Lock(t.Context(), func() { began, waited = turns.Load(), waited+1 }, dir)
		if err != nil {
			t.Fatal(err)
		}
		if n := turns.Load() - began; began > 0 && n > most {
			t.Errorf("%d builds had their turn while Lock waited, want at most %d", n, most)
		}
		if err := locks.Unlock(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	stop.Store(true)
	builds.Wait()
	if waited < 10 {
		t.Errorf("Lock had to wait %d times of 15: this shows nothing", waited)
	}
}

func TestLockCancelled(t *testing.T) {
	dir := t.TempDir()
	profileDir(t, dir+"/debug", ".cargo-lock")
	defer hold(t, dir+"/debug/.cargo-lock")()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Lock(ctx, cancel, dir); !errors.Is(err, context.Canceled) {
		t.Fatalf("Lock = %v; want %v", err, context.Canceled)
	}
}

// A build that is waited for may make a profile that was not there before.
func TestLockNewProfile(t *testing.T) {
	dir := t.TempDir()
	profileDir(t, dir+"/debug", ".cargo-lock")
	release := hold(t, dir+"/debug/.cargo-lock")
	locks, err := Lock(t.Context(), func() {
		profileDir(t, dir+"/release", ".cargo-lock")
		release()
	}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer locks.Unlock()
	if free(dir + "/release/.cargo-lock") {
		t.Error("the new profile is not locked")
	}
}

// Cargo takes the lock of the host's profile before those of targets, whatever
// they are called. Whoever waits while holding another lock waits forever.
func TestLockOrder(t *testing.T) {
	dir := t.TempDir()
	profileDir(t, dir+"/debug", ".cargo-lock")
	profileDir(t, dir+"/aarch64-unknown/debug", ".cargo-lock")
	host := hold(t, dir+"/debug/.cargo-lock")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	locks, err := Lock(ctx, func() {
		go func() {
			unlock, err := flock.Lock(ctx, dir+"/aarch64-unknown/debug/.cargo-lock", flock.Exclusive, nil)
			if err == nil {
				err = unlock()
			}
			if err != nil {
				t.Error(err)
			}
			host()
		}()
	}, dir)
	if err != nil {
		t.Fatalf("Lock and a build wait for each other: %v", err)
	}
	locks.Unlock()
}

// One directory by two names, or one inside the other, is locked once: flock
// would wait for ourselves.
func TestLockSameDirectory(t *testing.T) {
	dir := t.TempDir()
	profileDir(t, dir+"/target/debug", ".cargo-lock")
	profileDir(t, dir+"/target/build/debug", ".cargo-build-lock")
	if err := os.Symlink("target", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, dirs := range [][]string{
		{dir + "/target", dir + "/target"},
		{dir + "/target", dir + "/link"},
		{dir + "/target/build", dir + "/target"},
		{dir + "/target", dir + "/target/build", dir + "/link", dir + "/target"},
	} {
		locks, err := Lock(t.Context(), nil, dirs...)
		if err != nil {
			t.Errorf("Lock(%v) = %v", dirs, err)
			continue
		}
		if len(locks.paths) != 4 {
			t.Errorf("Lock(%v) holds %v; want two profiles", dirs, locks.paths)
		}
		locks.Unlock()
	}
}

func TestGuard(t *testing.T) {
	dir := t.TempDir()
	profileDir(t, dir+"/debug", ".cargo-lock")
	locks, err := Lock(t.Context(), nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := locks.Guard(); err != nil {
		t.Fatal(err)
	}
	if disturbed, err := locks.Disturbed(dir, dir); err != nil || disturbed {
		t.Errorf("Disturbed = %v, %v; nobody came", disturbed, err)
	}
	profileDir(t, dir+"/release", ".cargo-lock")
	if disturbed, err := locks.Disturbed(dir, dir); err != nil || !disturbed {
		t.Errorf("Disturbed = %v, %v; a profile is new", disturbed, err)
	}
	if disturbed, err := locks.Disturbed(dir, dir+"/gone"); err != nil || disturbed {
		t.Errorf("Disturbed of a directory that is gone = %v, %v", disturbed, err)
	}
	if err := locks.Unguard(); err != nil {
		t.Error(err)
	}
	open, err := os.Open(dir + "/debug/.cargo-lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := locks.Guard(); !errors.Is(err, ErrLocked) {
		t.Errorf("Guard = %v while somebody has a lock file open; want ErrLocked", err)
	}
	open.Close()
	if err := locks.Unlock(); err != nil {
		t.Error(err)
	}
}

// After a build with sudo a profile is root's. What can be locked of it is; what
// cannot be is named, and where there is a lock that may not be asked for, nothing
// is guarded.
func TestLockForeign(t *testing.T) {
	dir := func(t testing.TB) string {
		dir, err := os.MkdirTemp("", "lock-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		for path, mode := range map[string]os.FileMode{
			"/release/.cargo-lock": 0o644,
			"/both/.cargo-lock":    0o644, "/both/.cargo-build-lock": 0o644,
			"/secret/.cargo-lock": 0o600,
			"/closed/.cargo-lock": 0o644,
			"/debug/.cargo-lock":  0o644,
		} {
			err := errors.Join(os.MkdirAll(filepath.Dir(dir+path), 0o755), os.WriteFile(dir+path, nil, mode))
			if err != nil {
				t.Fatal(err)
			}
		}
		err = errors.Join(os.Chmod(dir, 0o755), os.Chmod(dir+"/closed", 0o700),
			os.Chown(dir+"/debug", 65534, 65534), os.Chown(dir+"/debug/.cargo-lock", 65534, 65534), os.Chown(dir, 65534, 65534))
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	drivertest.AsUser(t, 65534, dir, func(t *testing.T, dir string) {
		locks, err := Lock(t.Context(), nil, dir)
		if err != nil {
			t.Fatal(err)
		}
		defer locks.Unlock()
		want := []string{dir + "/closed", dir + "/release", dir + "/secret"}
		if got := locks.Foreign(); !slices.Equal(got, want) {
			t.Errorf("Foreign: %q, want %q", got, want)
		}
		want = []string{dir + "/closed", dir + "/secret"}
		if got := locks.Closed(); !slices.Equal(got, want) {
			t.Errorf("Closed: %q, want %q", got, want)
		}
		if err := locks.Guard(); !errors.Is(err, ErrForeign) {
			t.Errorf("Guard: %v, want ErrForeign", err)
		}
		for _, path := range []string{"/release/.cargo-lock", "/both/.cargo-lock", "/both/.cargo-build-lock", "/debug/.cargo-lock"} {
			if free(dir + path) {
				t.Errorf("%s is free while we hold the directory", path)
			}
		}
	})
}
