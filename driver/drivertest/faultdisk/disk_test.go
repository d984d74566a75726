package faultdisk

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func each(t *testing.T, do func(t *testing.T, d *Disk)) {
	for _, fstype := range []string{"btrfs", "xfs", "ext4"} {
		t.Run(fstype, func(t *testing.T) {
			t.Parallel()
			do(t, Mounted(t, fstype, ""))
		})
	}
}

func (d *Disk) file(name string) string { return filepath.Join(d.dir, name) }

func put(t *testing.T, path string, n int) {
	t.Helper()
	if err := os.WriteFile(path, bytes.Repeat([]byte(filepath.Base(path)), n), 0o644); err != nil {
		t.Fatal(err)
	}
}

// has reports whether a file is there, and all of it.
func has(t *testing.T, path string, n int) bool {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	return bytes.Equal(b, bytes.Repeat([]byte(filepath.Base(path)), n))
}

func syncFS(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

// What was synced is there after a power cut, and what was not is lost: without the
// second half a durability test proves nothing. A fork has all, and the disk goes on.
func TestPowerCut(t *testing.T) {
	each(t, func(t *testing.T, d *Disk) {
		put(t, d.file("synced"), 10_000)
		if err := syncFS(d.dir); err != nil {
			t.Fatal(err)
		}
		put(t, d.file("unsynced"), 10_000)
		d.PowerCut(t, Loss{})
		if !has(t, d.file("synced"), 10_000) {
			t.Error("a file that was synced is gone")
		}
		if has(t, d.file("unsynced"), 10_000) {
			t.Error("a file that was not synced has survived")
		}
		put(t, d.file("after"), 10_000)

		// All of it is written, nothing is lost.
		dir := d.dir
		d.Unmount(t)
		fork := d.Fork(t, true)
		fork.Mount(t, dir, "")
		if !has(t, fork.file("after"), 10_000) {
			t.Error("a fork has not what the disk had")
		}
		put(t, fork.file("forked"), 10_000)
		fork.Unmount(t)
		d.Mount(t, dir, "")
		if has(t, d.file("forked"), 10_000) {
			t.Error("what was written to a fork is on the disk")
		}
	})
}

// From a history that goes on, a disk is cut off at any moment of it, and mounted: files
// that were synced by then are there, with any part of what came after.
func TestCutAnywhere(t *testing.T) {
	each(t, func(t *testing.T, d *Disk) {
		dir := d.dir
		d.Unmount(t)
		history := d.Fork(t, true)
		history.Mount(t, dir, "")
		synced := map[string]int{}
		var began []int
		for _, name := range []string{"one", "two", "three", "four", "five"} {
			began = append(began, history.Status(t).Position)
			put(t, history.file(name), 100_000)
			if err := syncFS(dir); err != nil {
				t.Fatal(err)
			}
			synced[name] = history.Status(t).Position
		}
		history.Unmount(t)
		cuts, pending := 0, 0
		for at := began[0]; at <= synced["five"]; at += 1 + (synced["five"]-began[0])/12 {
			t.Run("", func(t *testing.T) {
				cut, c := history.Cut(t, at, Loss{Keep: 0.7, Tear: 0.3, Seed: uint64(at)}, false)
				cut.Mount(t, dir, "")
				cuts, pending = cuts+1, pending+c.Pending
				for name, n := range synced {
					if n <= at && !has(t, cut.file(name), 100_000) {
						t.Errorf("cut off after %d of operations, %s is gone, which was synced after %d (%+v)", at, name, n, c)
					}
				}
				put(t, cut.file("after"), 1000)
			})
		}
		if cuts < 5 || pending == 0 {
			t.Errorf("%d cuts with %d writes pending: this shows nothing", cuts, pending)
		}
	})
}

// An error of the disk reaches who syncs.
func TestFailingWrites(t *testing.T) {
	each(t, func(t *testing.T, d *Disk) {
		put(t, d.file("before"), 10_000)
		if err := syncFS(d.dir); err != nil {
			t.Fatal(err)
		}
		d.Arm(t, Fault{Errno: syscall.EIO})
		err := os.WriteFile(d.file("during"), make([]byte, 10<<20), 0o644)
		if err = errors.Join(err, syncFS(d.dir)); err == nil {
			t.Error("nobody was told of a disk that fails")
		}
		if d.Status(t).Failed == 0 {
			t.Error("nothing has failed")
		}
		dir := d.dir
		d.Unmount(t)
		d.Disarm(t)
		d.Mount(t, dir, "")
		if !has(t, d.file("before"), 10_000) {
			t.Error("a file that was synced is gone")
		}
	})
}

// Whichever write fails, who syncs is told, or all is there.
func TestNoWriteFailsUnheard(t *testing.T) {
	each(t, func(t *testing.T, d *Disk) {
		heard := 0
		for after := range 12 {
			path := d.file("file")
			if err := os.WriteFile(path, bytes.Repeat([]byte("file"), 2<<20), 0o644); err != nil {
				t.Fatal(err)
			}
			d.Arm(t, Fault{After: after, Times: 1, Errno: syscall.ENOSPC})
			err := syncFS(d.dir)
			failed := d.Status(t).Failed
			d.Disarm(t)
			d.PowerCut(t, Loss{Keep: 1}) // it may be read-only
			if err == nil && !has(t, path, 2<<20) {
				t.Errorf("after %d writes %d failed, nobody was told, and the file is not what it was", after, failed)
			}
			if err != nil {
				heard++
			}
		}
		if heard == 0 {
			t.Error("nobody was told of any failure: this shows nothing")
		}
	})
}

// What syncs waits for a disk that stalls, for as long as it does.
func TestStalledDisk(t *testing.T) {
	each(t, func(t *testing.T, d *Disk) {
		put(t, d.file("file"), 10_000)
		d.Stall(t, 0)
		sync := exec.Command("sync", "--file-system", d.dir)
		if err := sync.Start(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); !d.Status(t).Stalled; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it does not stall")
			}
		}
		position := d.Status(t).Position
		time.Sleep(50 * time.Millisecond)
		if now := d.Status(t); now.Position != position || !now.Stalled {
			t.Errorf("stalled at %d, the disk stands at %+v", position, now)
		}
		d.Disarm(t)
		if err := sync.Wait(); err != nil {
			t.Errorf("sync: %v", err)
		}
		d.PowerCut(t, Loss{})
		if !has(t, d.file("file"), 10_000) {
			t.Error("what was synced is gone")
		}
	})
}

// A process beside the test that has a mount namespace of its own, as a view of the
// wrapper has, keeps the file system mounted for as long as it runs.
func TestPowerCutBesideMountNamespace(t *testing.T) {
	each(t, func(t *testing.T, d *Disk) {
		if err := os.Mkdir(d.file("synced"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syncFS(d.dir); err != nil {
			t.Fatal(err)
		}
		other := exec.Command("sleep", "0.5")
		other.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		defer other.Wait()
		d.PowerCut(t, Loss{})
		if _, err := os.Stat(d.file("synced")); err != nil {
			t.Error(err)
		}
		put(t, d.file("after"), 10)
	})
}

// A test leaves nothing behind.
func TestGoneAfterTest(t *testing.T) {
	var base string
	t.Run("inner", func(t *testing.T) { base = filepath.Dir(Mounted(t, "ext4", "").Dir()) })
	if base == "" {
		t.Fatal("the inner test was skipped")
	}
	if _, err := os.Lstat(base); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", base, err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(string(mounts), base) {
		t.Errorf("mounted still (%v):\n%s", err, mounts)
	}
}
