package flock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// holder names the file that this test binary, run again, locks until its input
// ends.
const holder = "FLOCK_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holder); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}

func hold(path string) {
	unlock, err := Lock(context.Background(), path, Exclusive, func() { fmt.Println("waiting") })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("locked")
	io.Copy(io.Discard, os.Stdin)
	unlock()
}

type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

func startHolder(t *testing.T, path string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holder+"="+path)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &process{cmd, in, bufio.NewScanner(out)}
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *process) want(t *testing.T, line string) {
	t.Helper()
	if !p.lines.Scan() || p.lines.Text() != line {
		t.Fatalf("other process says %q, want %q", p.lines.Text(), line)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func lockPath(t *testing.T) string { return filepath.Join(t.TempDir(), ".cargo-lock") }

func TestModes(t *testing.T) {
	path := lockPath(t)
	for _, tt := range []struct {
		first, second Mode
		free          bool
	}{
		{Shared, Shared, true}, {Shared, Exclusive, false}, {Exclusive, Shared, false}, {Exclusive, Exclusive, false},
	} {
		unlock, err := TryLock(path, tt.first)
		must(t, err)
		second, err := TryLock(path, tt.second)
		if tt.free {
			must(t, err)
			must(t, second())
		} else if !errors.Is(err, ErrLocked) {
			t.Errorf("%v after %v: %v, want ErrLocked", tt.second, tt.first, err)
		}
		must(t, unlock())
		unlock, err = TryLock(path, Exclusive)
		must(t, err)
		must(t, unlock())
	}
	if _, err := TryLock(filepath.Join(path, "no"), Shared); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("TryLock below a file: %v", err)
	}
}

func TestFileIsLeftAlone(t *testing.T) {
	path := lockPath(t)
	must(t, os.WriteFile(path, []byte("content"), 0o444))
	unlock, err := TryLock(path, Exclusive)
	must(t, err)
	must(t, unlock())
	if got, err := os.ReadFile(path); string(got) != "content" || err != nil {
		t.Errorf("content %q, %v", got, err)
	}
}

// The exclusion that matters is with std's File::lock in Cargo, which is flock(2),
// as is flock(1).
func TestExcludesFlockProgram(t *testing.T) {
	program, err := exec.LookPath("flock")
	if err != nil {
		loopfs.Unavailable(t, err.Error())
	}
	path := lockPath(t)
	unlock, err := TryLock(path, Shared)
	must(t, err)
	if err := exec.Command(program, "-n", path, "true").Run(); err == nil {
		t.Error("flock(1) got the lock too")
	}
	must(t, unlock())
	if err := exec.Command(program, "-n", path, "true").Run(); err != nil {
		t.Errorf("flock(1) after unlock: %v", err)
	}
}

func TestDiesWithProcess(t *testing.T) {
	path := lockPath(t)
	p := startHolder(t, path)
	p.want(t, "locked")
	if _, err := TryLock(path, Shared); !errors.Is(err, ErrLocked) {
		t.Fatalf("TryLock while another process has the lock: %v, want ErrLocked", err)
	}
	p.kill()
	unlock, err := TryLock(path, Exclusive)
	must(t, err)
	must(t, unlock())
}

func TestLockWaits(t *testing.T) {
	path := lockPath(t)
	p := startHolder(t, path)
	p.want(t, "locked")
	notified := make(chan bool, 10)
	got := make(chan error)
	go func() {
		unlock, err := Lock(t.Context(), path, Exclusive, func() { notified <- true })
		if err == nil {
			err = unlock()
		}
		got <- err
	}()
	<-notified
	select {
	case err := <-got:
		t.Fatalf("Lock returned while the other process had the lock: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	must(t, p.stdin.Close())
	must(t, <-got)
	if len(notified) != 0 {
		t.Error("notified twice")
	}
	unlock, err := Lock(t.Context(), path, Shared, func() { t.Error("notified of a free lock") })
	must(t, err)
	must(t, unlock())
}

// A Lock that was given up does not keep the lock when it gets it later.
func TestLockCancelled(t *testing.T) {
	path := lockPath(t)
	unlock, err := TryLock(path, Exclusive)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, path, Exclusive, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Lock: %v, want DeadlineExceeded", err)
	}
	must(t, unlock())
	unlock, err = Lock(t.Context(), path, Exclusive, nil)
	must(t, err)
	must(t, unlock())
}

// "cargo clean" removes the file that somebody waits for.
func TestReplacedWhileWaiting(t *testing.T) {
	path := lockPath(t)
	unlock, err := TryLock(path, Exclusive)
	must(t, err)
	p := startHolder(t, path)
	p.want(t, "waiting")
	must(t, os.Remove(path))
	must(t, unlock())
	p.want(t, "locked")
	if _, err := TryLock(path, Shared); !errors.Is(err, ErrLocked) {
		t.Errorf("TryLock of the new file: %v, want ErrLocked: the other process locks a file without name", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}

	// Without its directory there is nothing to lock.
	p.kill()
	unlock, err = TryLock(path, Exclusive)
	must(t, err)
	p = startHolder(t, path)
	p.want(t, "waiting")
	must(t, os.RemoveAll(filepath.Dir(path)))
	must(t, unlock())
	if !p.lines.Scan() || !strings.Contains(p.lines.Text(), unix.ENOENT.Error()) {
		t.Errorf("other process says %q, want that the file does not exist", p.lines.Text())
	}
}

// A child that is being started at the moment of an unlock holds a copy of the
// descriptor until its exec.
func TestUnlockWhileForking(t *testing.T) {
	path := lockPath(t)
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			exec.Command("/bin/true").Run()
		}
	})
	for i := range 20_000 {
		unlock, err := TryLock(path, Exclusive)
		if err != nil {
			t.Errorf("round %d: %v", i, err)
			break
		}
		must(t, unlock())
	}
	stop.Store(true)
	wg.Wait()
}

func TestExclusion(t *testing.T) {
	path := lockPath(t)
	var inside, total atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				unlock, err := Lock(t.Context(), path, Exclusive, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two holders of an exclusive lock")
				}
				total.Add(1)
				inside.Add(-1)
				if err := unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if total.Load() != 400 {
		t.Errorf("%d locks, want 400", total.Load())
	}
}

func TestGuard(t *testing.T) {
	dirs := map[string]func(*testing.T) string{
		"ext4 or so": func(t *testing.T) string { return t.TempDir() },
		"btrfs":      func(t *testing.T) string { return loopfs.Btrfs(t) },
		"xfs":        func(t *testing.T) string { return loopfs.XFS(t) },
	}
	for name, dir := range dirs {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir(t), ".cargo-lock")
			h, err := TryHold(path, Exclusive)
			must(t, err)
			other, err := os.Open(path)
			must(t, err)
			if err := h.Guard(); !errors.Is(err, ErrLocked) {
				t.Errorf("Guard of a file that somebody has open: %v, want ErrLocked", err)
			}
			must(t, other.Close())
			must(t, h.Guard())
			if disturbed, err := h.Disturbed(); disturbed || err != nil {
				t.Errorf("Disturbed = %v, %v; nobody came", disturbed, err)
			}
			p := startHolder(t, path)
			disturbed := false
			for end := time.Now().Add(10 * time.Second); !disturbed && time.Now().Before(end); time.Sleep(time.Millisecond) {
				disturbed, err = h.Disturbed()
				must(t, err)
			}
			if !disturbed {
				t.Error("a process that opens the guarded file was not seen")
			}
			must(t, h.Unguard())
			p.want(t, "waiting")
			must(t, h.Unlock())
			p.want(t, "locked")
			p.kill()
		})
	}
}

func TestInUse(t *testing.T) {
	dirs := map[string]func(*testing.T) string{
		"ext4 or so": func(t *testing.T) string { return t.TempDir() },
		"btrfs":      func(t *testing.T) string { return loopfs.Btrfs(t) },
		"xfs":        func(t *testing.T) string { return loopfs.XFS(t) },
	}
	for name, dir := range dirs {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir(t), "lock")
			want := func(want bool, when string) {
				t.Helper()
				if got, err := InUse(path); err != nil || got != want {
					t.Errorf("InUse %s = %v, %v; want %v", when, got, err, want)
				}
			}
			want(false, "of no file")
			for _, mode := range []Mode{Shared, Exclusive} {
				unlock, err := TryLock(path, mode)
				must(t, err)
				want(true, "while it is locked")
				must(t, unlock())
				want(false, "when it is locked no more")
			}
			p := startHolder(t, path)
			p.want(t, "locked")
			want(true, "by another process")
			p.kill()
			want(false, "by a process that died")
		})
	}
}
