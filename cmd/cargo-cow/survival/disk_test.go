package survival

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// fill takes all the space that is left, to the last small file.
func fill(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i, size := 0, 16<<20; size > 0; i++ {
		err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), bytes.Repeat([]byte{byte(i)}, size), 0o666)
		if errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
		if i%64 == 63 {
			unix.Sync() // what is only promised may not fit
		}
	}
}

// On a full disk every command says so and changes nothing, and all goes on when
// there is room again.
func TestFullDisk(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "xfs": loopfs.XFS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mount(t, loopfs.Size(320<<20))).sealed()
			w.origin.cow("snapshot", "--label=first")
			p := w.checkout("b")
			built(p)
			c := w.checkout("c")
			ballast := filepath.Join(w.Dir, "ballast")
			fill(t, ballast)

			failed := 0
			for _, q := range []*checkout{p, c} {
				for _, args := range [][]string{{"snapshot"}, {"restore", "--from=first"}, {"init"}} {
					if q == c && args[0] == "snapshot" {
						continue
					}
					r := q.TryCow(args...)
					if r.Code != 0 {
						failed++
						fails(t, r, 1, "no space left on device")
					}
				}
			}
			if failed == 0 {
				t.Error("the disk was not full")
			}
			t.Logf("%d commands failed", failed)
			// Reading needs no room.
			p.checks()

			if err := os.RemoveAll(ballast); err != nil {
				t.Fatal(err)
			}
			unix.Sync()
			if p.marked() != "mine" { // the restore had room
				p.cow("undo")
			}
			p.builds(nil, "second")
			if p.marked() != "mine" {
				t.Errorf("the build directory is marked %q", p.marked())
			}
			p.cow("snapshot")
			p.cow("restore", "--from=first")
			p.builds([]string{"bin app"}, "second")
			p.tidy()
			c.cow("restore", "--from=first")
			c.builds(nil, "first")
			c.tidy()
			p.checks()
		})
	}
}

// A read-only disk can still be looked at.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := loopfs.Btrfs(t)
	w := newWorld(t, dir).sealed()
	p := w.checkout("b")
	built(p)
	remount := func(flags uintptr) {
		t.Helper()
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_NOATIME|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	t.Cleanup(func() { remount(0) })
	for _, args := range [][]string{{"snapshot"}, {"restore"}, {"undo"}} {
		fails(t, p.TryCow(args...), 1, "read-only file system")
	}
	p.cow("list")
	p.cow("show", "latest")
	p.cow("explain")
	p.cow("status")
	p.checks()
	remount(0)
	p.cow("snapshot")
	p.cow("restore")
	p.builds(nil, "second")
	p.checks()
}

// tree reads a build directory: what is where, with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if rel == ".cargo-cow" {
			return fs.SkipDir
		}
		// The lock of later versions of cargo, which the program takes too.
		if d.Name() == ".cargo-build-lock" {
			return nil
		}
		if !d.Type().IsRegular() {
			found[rel] = d.Type().String()
			return nil
		}
		b, err := os.ReadFile(path)
		found[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if g, ok := got[name]; !ok {
			t.Errorf("%s: %s is gone", what, name)
		} else if g != text {
			t.Errorf("%s: %s has %d bytes, not the %d it had", what, name, len(g), len(text))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %s is new", what, name)
		}
	}
}

// When a command has returned, a power cut takes nothing of what lay in the
// build directory before, and nothing of a layer.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	disk := faultdisk.Mounted(t, "btrfs", "commit=300")
	cut := func() { disk.PowerCut(t, faultdisk.Loss{}) }
	w := newWorld(t, disk.Dir())
	p := w.origin
	p.Must("cargo", "build", "--quiet")
	p.mark("mine")
	unix.Sync()
	built := tree(t, p.Target())

	p.cow("init")
	cut()
	same(t, "init", tree(t, p.Target()), built)
	p.builds(nil, "first")

	edited(p)
	p.builds([]string{"bin app"}, "second")
	id, _ := p.cow("snapshot")["layer"].(string)
	layer := filepath.Join(w.store, "layers", id)
	sealed := tree(t, layer)
	cut()
	same(t, "snapshot", tree(t, layer), sealed)
	p.checks()

	unix.Sync()
	before := tree(t, p.Target())
	p.cow("restore")
	unix.Sync()
	cut()
	p.cow("undo")
	same(t, "undo", tree(t, p.Target()), before)
	p.builds(nil, "second")
	p.tidy()

	// A restore does not wait for the disk: what it replaced is under its old
	// name then, or beside it.
	p.Must("rm", "-rf", p.Path("target.cargo-cow-undo"))
	unix.Sync()
	before = tree(t, p.Target())
	p.cow("restore")
	cut()
	if _, err := os.Lstat(p.Path("target.cargo-cow-undo")); err == nil {
		p.cow("undo")
	}
	same(t, "restore", tree(t, p.Target()), before)
	p.builds(nil, "second")
	p.cow("snapshot") // puts away what the restore was making
	p.tidy()

	b := w.checkout("b")
	unix.Sync()
	b.cow("restore")
	cut()
	// The directory may be missing, or the few files a restore has rewritten empty;
	// cargo then builds what they belong to.
	if _, says := b.build(); says != "first cow" {
		t.Errorf("the program says %q", says)
	}
	b.cow("snapshot")
	b.tidy()
	p.checks()
}
