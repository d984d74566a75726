package flock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest"
)

// A lease is for the owner of a file only. Of a file of root's, which a build with
// sudo has left, those who come are seen all the same.
func TestGuardForeign(t *testing.T) {
	dir := func(t testing.TB) string {
		dir, err := os.MkdirTemp("", "flock-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, ".cargo-lock"), nil, 0o644)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	drivertest.AsUser(t, 65534, dir, func(t *testing.T, dir string) {
		path := filepath.Join(dir, ".cargo-lock")
		h, err := TryHold(path, Exclusive)
		must(t, err)
		if err := h.lease(1); err == nil {
			t.Fatal("the file can be leased: this shows nothing")
		}
		for range 2 { // Unguard ends it
			must(t, h.Guard())
			if disturbed, err := h.Disturbed(); disturbed || err != nil {
				t.Fatalf("Disturbed by nobody: %v, %v", disturbed, err)
			}
			f, err := os.Open(path)
			must(t, err)
			if disturbed, err := h.Disturbed(); !disturbed || err != nil {
				t.Errorf("Disturbed by one who opened it: %v, %v", disturbed, err)
			}
			must(t, f.Close())
			must(t, h.Unguard())
		}

		p := startHolder(t, path)
		p.want(t, "waiting") // it says so just before it is
		wantQueued(t, path)
		if err := h.Guard(); !errors.Is(err, ErrLocked) {
			t.Errorf("Guard while another process waits: %v, want ErrLocked", err)
		}
		must(t, h.Unlock())
		p.want(t, "locked")
	})
}

// wantQueued waits until the kernel has somebody wait for the lock on a file.
func wantQueued(t *testing.T, path string) {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	for range 1000 {
		waiting, err := (&watch{ino: st.Ino}).waited()
		must(t, err)
		if waiting {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("nobody waits for the lock")
}
