package lease

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// holder names the directory in which this test binary, run again, holds a lease
// on "layer" until it is killed.
const holder = "LEASE_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holder); dir != "" {
		release, err := Acquire(dir, "layer")
		fmt.Println(err)
		io.Copy(io.Discard, os.Stdin)
		release()
		return
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLease(t *testing.T) {
	dir := t.TempDir()
	one, err := Acquire(dir, "layer")
	must(t, err)
	two, err := Acquire(dir, "layer")
	must(t, err)
	if _, err := Exclusive(dir, "layer"); !errors.Is(err, ErrHeld) {
		t.Errorf("Exclusive while leased: %v, want ErrHeld", err)
	}
	other, err := Exclusive(dir, "other")
	must(t, err)
	must(t, other())
	must(t, one())
	if _, err := Exclusive(dir, "layer"); !errors.Is(err, ErrHeld) {
		t.Errorf("Exclusive while leased once: %v, want ErrHeld", err)
	}
	must(t, two())
	remove, err := Exclusive(dir, "layer")
	must(t, err)
	if _, err := Acquire(dir, "layer"); !errors.Is(err, ErrHeld) {
		t.Errorf("Acquire during removal: %v, want ErrHeld", err)
	}
	must(t, remove())
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	again, err := Acquire(dir, "layer")
	must(t, err)
	must(t, again())
}

// Held sees what others hold, and leaves nothing behind.
func TestHeld(t *testing.T) {
	dir := t.TempDir()
	held := func(want bool, when string) {
		t.Helper()
		if got, err := Held(dir, "layer"); err != nil || got != want {
			t.Errorf("Held %s = %v, %v; want %v", when, got, err, want)
		}
	}
	held(false, "when nobody ever had a lease")
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("Held made %v", left)
	}
	one, err := Acquire(dir, "layer")
	must(t, err)
	two, err := Acquire(dir, "layer")
	must(t, err)
	held(true, "twice")
	must(t, one())
	held(true, "once")
	must(t, two())
	held(false, "no more")
	remove, err := Exclusive(dir, "layer")
	must(t, err)
	held(true, "during removal")
	must(t, remove())
	held(false, "after removal")
	must(t, Prepare(dir, "layer"))
	must(t, Prepare(dir, "layer"))
	held(false, "that is prepared")
	one, err = Acquire(dir, "layer")
	must(t, err)
	must(t, Prepare(dir, "layer"))
	held(true, "of a file that was there")
	must(t, one())
}

// Whoever takes a lease while another looks gets it.
func TestHeldIsInNobodysWay(t *testing.T) {
	dir := t.TempDir()
	done := make(chan struct{})
	var lookers, takers sync.WaitGroup
	for range 3 {
		lookers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := Held(dir, "layer"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 3 {
		takers.Go(func() {
			for range 300 {
				release, err := Acquire(dir, "layer")
				if err != nil {
					t.Error(err)
					return
				}
				if err := release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	takers.Wait()
	close(done)
	lookers.Wait()
}

func TestBadNames(t *testing.T) {
	for _, id := range []string{"", "a/b", "../x", "a\x00"} {
		if _, err := Acquire(t.TempDir(), id); err == nil {
			t.Errorf("Acquire(%q) succeeded", id)
		}
		if _, err := Held(t.TempDir(), id); err == nil || Prepare(t.TempDir(), id) == nil {
			t.Errorf("Held(%q) or Prepare succeeded", id)
		}
	}
	if _, err := Acquire(filepath.Join(t.TempDir(), "none"), "id"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Acquire without directory: %v, want ErrNotExist", err)
	}
}

func TestDiesWithProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(context.Background(), os.Args[0])
	cmd.Env = append(os.Environ(), holder+"="+dir)
	_, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line := make([]byte, 100)
	n, _ := out.Read(line)
	if string(line[:n]) != "<nil>\n" {
		t.Errorf("other process says %q", line[:n])
	}
	if _, err := Exclusive(dir, "layer"); !errors.Is(err, ErrHeld) {
		t.Errorf("Exclusive while another process has a lease: %v, want ErrHeld", err)
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	remove, err := Exclusive(dir, "layer")
	must(t, err)
	must(t, remove())
}

// Removers, which remove the lease file too, and users of one layer: at no time
// both.
func TestUsersAndRemovers(t *testing.T) {
	dir := t.TempDir()
	var users, removers, used, removed atomic.Int32
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			// A remover may have to wait until all users are gone.
			for n := 0; n < 400 || i%3 == 0 && removed.Load() == 0; n++ {
				if i%3 == 0 {
					release, err := Exclusive(dir, "layer")
					if errors.Is(err, ErrHeld) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					if removers.Add(1) != 1 || users.Load() != 0 {
						t.Error("a remover is not alone")
					}
					removed.Add(1)
					removers.Add(-1)
					if err := release(); err != nil {
						t.Error(err)
					}
					continue
				}
				release, err := Acquire(dir, "layer")
				if errors.Is(err, ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				users.Add(1)
				if removers.Load() != 0 {
					t.Error("a layer is used while it is removed")
				}
				used.Add(1)
				users.Add(-1)
				if err := release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if used.Load() == 0 || removed.Load() == 0 {
		t.Errorf("used %d times, removed %d times: nothing was tested", used.Load(), removed.Load())
	}
}
