package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantOnly(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("directory holds %v, want only %s", entries, name)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "record")
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	for _, tt := range []struct {
		content string
		perm    fs.FileMode
	}{{"new", 0o644}, {"a longer replacement", 0o600}, {"", 0o444}, {"over a read-only file", 0o640}} {
		must(t, Write(path, []byte(tt.content), tt.perm))
		got, err := os.ReadFile(path)
		must(t, err)
		info, err := os.Stat(path)
		must(t, err)
		if string(got) != tt.content || info.Mode() != tt.perm {
			t.Errorf("got %q, mode %v, want %q, mode %v", got, info.Mode(), tt.content, tt.perm)
		}
	}
	wantOnly(t, dir, "record")
}

func TestReplaceLeavesPermissionsToTheUmask(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "list.d")
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	must(t, os.WriteFile(path, []byte("old"), 0o600))
	must(t, os.Link(path, filepath.Join(dir, "other name")))
	must(t, Replace(path, []byte("new")))
	got, err := os.ReadFile(path)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if string(got) != "new" || info.Mode() != 0o640 {
		t.Errorf("got %q, mode %v", got, info.Mode())
	}
	if got, err := os.ReadFile(filepath.Join(dir, "other name")); string(got) != "old" || err != nil {
		t.Errorf("another name of the old file: %q, %v", got, err)
	}
	must(t, os.Remove(filepath.Join(dir, "other name")))
	wantOnly(t, dir, "list.d")
}

func TestFailureChangesNothing(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "dir")
	must(t, os.Mkdir(target, 0o755))
	if err := Write(target, []byte("x"), 0o644); err == nil {
		t.Error("Write over a directory succeeded")
	}
	wantOnly(t, dir, "dir")
	if err := Replace(target, []byte("x")); err == nil {
		t.Error("Replace over a directory succeeded")
	}
	wantOnly(t, dir, "dir")
	if err := Write(filepath.Join(dir, "none/file"), nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Write without directory: %v, want ErrNotExist", err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := loopfs.Ext4(t, loopfs.Size(8<<20), loopfs.MkfsArgs("-O", "^has_journal"))
	path := filepath.Join(dir, "record")
	must(t, Write(path, []byte("before"), 0o644))
	err := Write(path, bytes.Repeat([]byte("x"), 16<<20), 0o644)
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Write on a full disk: %v, want ENOSPC", err)
	}
	if got, err := os.ReadFile(path); string(got) != "before" || err != nil {
		t.Errorf("after a failure: %q, %v", got, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, TempPrefix+"*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestDurable(t *testing.T) {
	for _, name := range []string{"btrfs", "xfs", "ext4"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := faultdisk.Mounted(t, name, "")
			dir := disk.Dir()
			must(t, WriteUnsynced(filepath.Join(dir, "advice"), []byte("not waited for"), 0o644))
			content := bytes.Repeat([]byte("durable\n"), 1000)
			must(t, Write(filepath.Join(dir, "record"), []byte("old"), 0o644))
			must(t, Write(filepath.Join(dir, "record"), content, 0o644))
			disk.PowerCut(t, faultdisk.Loss{})
			if got, err := os.ReadFile(filepath.Join(dir, "record")); !bytes.Equal(got, content) || err != nil {
				t.Errorf("after a power cut: %d bytes, %v, want %d", len(got), err, len(content))
			}
			if got, err := os.ReadFile(filepath.Join(dir, "advice")); len(got) > 0 && string(got) != "not waited for" || err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an unsynced file after a power cut: %q, %v, want all, nothing or none", got, err)
			}
		})
	}
}

// Whenever the power is cut, and whatever other programs have had written by then, a name
// stands for a whole content.
func TestWholeAtAnyInstant(t *testing.T) {
	for _, name := range []string{"btrfs", "xfs", "ext4"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := faultdisk.Mounted(t, name, "")
			dir := base.Dir()
			base.Unmount(t)
			disk := base.Fork(t, true)
			disk.Mount(t, dir, "")
			path := func(i int) string { return filepath.Join(dir, fmt.Sprint(i%10)) }
			content := func(i int) []byte { return bytes.Repeat([]byte{byte(i) + 1}, 5000) }
			first := disk.Status(t).Position
			const writes = 30
			for i := range writes {
				must(t, WriteWhole(path(i), content(i), 0o644))
				must(t, syncDir(path((i+5)%10))) // another's sync
			}
			last := disk.Status(t).Position
			disk.Unmount(t)
			for at := first; at < last; at += 1 + (last-first)/20 {
				t.Run("", func(t *testing.T) {
					cut, _ := disk.Cut(t, at, faultdisk.Loss{Keep: 0.7, Tear: 0.3, Seed: uint64(at)}, false)
					cut.Mount(t, dir, "")
					for i := range 10 {
						got, err := os.ReadFile(path(i))
						whole := errors.Is(err, fs.ErrNotExist)
						for n := i; n < writes; n += 10 {
							whole = whole || bytes.Equal(got, content(n))
						}
						if !whole {
							t.Errorf("cut off at %d of %d to %d, %s has %d bytes, %v", at, first, last, path(i), len(got), err)
						}
					}
				})
			}
		})
	}
}

// syncDir syncs the directory of a file.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func TestReadersSeeWholeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	contents := [][]byte{bytes.Repeat([]byte("a"), 1000), bytes.Repeat([]byte("b"), 70_000)}
	must(t, Write(path, contents[0], 0o644))
	var writers sync.WaitGroup
	for _, c := range contents {
		writers.Go(func() {
			for range 50 {
				if err := errors.Join(Write(path, c, 0o644), WriteUnsynced(path, c, 0o644)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for {
		got, err := os.ReadFile(path)
		must(t, err)
		if !bytes.Equal(got, contents[0]) && !bytes.Equal(got, contents[1]) {
			t.Fatalf("a reader saw %d bytes that nobody wrote", len(got))
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
