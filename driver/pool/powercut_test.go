package pool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
)

const (
	sealed = 12 // trees
	cuts   = 50 // in 4 s
)

// The power may go while trees are sealed in a pool, and the image, the file system under it and
// the one in it are each cut off somewhere: a tree whose seal has returned is whole, no other one
// is there in part, and the pool is mounted and written to as before.
func TestPowerCut(t *testing.T) {
	disk, p := onDisk(t)
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	disk.Unmount(t)

	history := disk.Fork(t, true)
	history.Mount(t, disk.MountPoint(), "commit=1")
	done, contents := sealMany(t, p, history)
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	history.Unmount(t)

	lost := 0
	for seed := range uint64(cuts) {
		r := rand.New(rand.NewPCG(seed, 2))
		position := done[0] + r.IntN(done[sealed]-done[0])
		loss := faultdisk.Loss{Keep: r.Float64(), Tear: 0.3, Seed: seed}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			left, cut := history.Cut(t, position, loss, false)
			lost += cut.Pending - cut.Kept
			left.Mount(t, history.MountPoint(), "")
			if err := p.Attach(""); err != nil {
				t.Fatalf("the pool is lost: %v", err)
			}
			defer func() {
				if err := p.Detach(); err != nil {
					t.Error(err)
				}
			}()
			for n := range sealed {
				wantWhole(t, p, n, contents[n], done[n+1] <= position)
			}
			d := btrfs.New()
			work := filepath.Join(p.Mount, "after")
			if err := errors.Join(d.Create(t.Context(), work), d.Seal(t.Context(), work+"-sealed", work)); err != nil {
				t.Error(err)
			}
		})
	}
	if lost == 0 {
		t.Error("no cut has lost a write: this looks at the wrong thing")
	}
}

// A disk that is gone from under a pool fails what is sealed then, and has the pool say so; when it is there again, all that
// was sealed before is.
func TestDiskGone(t *testing.T) {
	disk, p := onDisk(t)
	_, contents := sealMany(t, p, disk)
	disk.Arm(t, faultdisk.Fault{Errno: unix.EIO})
	d, work := btrfs.New(), filepath.Join(p.Mount, "work")
	err := os.WriteFile(filepath.Join(work, "file"), bytes.Repeat([]byte("later"), 1<<20), 0o644)
	if err == nil {
		err = d.Seal(t.Context(), tree(p, sealed), work)
	}
	if err == nil {
		t.Error("a tree is sealed on a disk that is gone")
	}
	if s, err := p.State(); err != nil || !s.ReadOnly || s.Errors == 0 {
		t.Errorf("of the pool is said %+v, %v", s, err)
	}
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	disk.Unmount(t)
	disk.Disarm(t)
	disk.Mount(t, disk.MountPoint(), "")
	if err := p.Attach(""); err != nil {
		t.Fatal(err)
	}
	for n := range sealed {
		wantWhole(t, p, n, contents[n], true)
	}
	if _, err := os.Lstat(tree(p, sealed)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what could not be sealed is there: %v", err)
	}
	if err := errors.Join(d.Seal(t.Context(), tree(p, sealed), work), p.Detach()); err != nil {
		t.Error(err)
	}
}

// A superblock of which the disk has written half is put right from a copy, where one is whole.
func TestTornSuperblock(t *testing.T) {
	_, p := host(t, 2*gib)
	image := create(t, p, Request{Size: MinSize}).Image
	if err := errors.Join(os.WriteFile(filepath.Join(p.Mount, "file"), []byte("kept"), 0o644), p.Detach()); err != nil {
		t.Fatal(err)
	}
	tear := func(at int64) {
		f, err := os.OpenFile(image, os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, 512), at+2048)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tear(superblock)
	if err := p.Attach(""); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(p.Mount, "file")); err != nil || string(got) != "kept" {
		t.Errorf("it has %q, %v", got, err)
	}
	if err := p.Detach(); err != nil {
		t.Fatal(err)
	}
	tear(superblock)
	tear(64 << 20) // the only copy below 256 GiB
	if err := p.Attach(""); err == nil {
		t.Error("without a superblock it is mounted")
	}
}

// onDisk is a pool on the ext4 of a disk on which things can go wrong.
func onDisk(t *testing.T) (*faultdisk.Disk, Pool) {
	t.Helper()
	disk := faultdisk.New(t, 512)
	disk.Format(t, "ext4")
	disk.Mount(t, disk.MountPoint(), "")
	p := At(filepath.Join(disk.Dir(), "lib/pool")).With(filepath.Join(disk.Dir(), "etc"))
	if err := os.Mkdir(filepath.Join(disk.Dir(), "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	create(t, p, Request{Size: MinSize})
	return disk, p
}

// sealMany seals one tree after the other, while something else is written. It returns after
// which operation of the disk each was sealed, behind that at which it began, and the contents.
func sealMany(t *testing.T, p Pool, disk *faultdisk.Disk) (done []int, contents [][]byte) {
	t.Helper()
	if err := p.Attach(""); err != nil {
		t.Fatal(err)
	}
	d := btrfs.New()
	work := filepath.Join(p.Mount, "work")
	if err := d.Create(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{1})
	noise := func(size int) []byte {
		b := make([]byte, size)
		random.Read(b) // of what compresses nothing is left
		return b
	}
	done = []int{disk.Status(t).Position}
	for n := range sealed {
		content := noise(1 << 20)
		err := errors.Join(
			os.WriteFile(filepath.Join(work, "file"), content, 0o644),
			os.WriteFile(filepath.Join(p.Mount, "beside"), noise(3<<20), 0o644),
			d.Seal(t.Context(), tree(p, n), work),
			os.WriteFile(filepath.Join(p.Mount, "beside"), noise(1<<20), 0o644),
		)
		if err != nil {
			t.Fatal(err)
		}
		done, contents = append(done, disk.Status(t).Position), append(contents, content)
	}
	return done, contents
}

func tree(p Pool, n int) string { return filepath.Join(p.Mount, fmt.Sprint("layer", n)) }

// wantWhole fails if a tree is there in part, or must be there and is not.
func wantWhole(t *testing.T, p Pool, n int, content []byte, committed bool) {
	t.Helper()
	_, err := os.Lstat(tree(p, n))
	if errors.Is(err, fs.ErrNotExist) && !committed {
		return
	}
	if err != nil {
		t.Errorf("tree %d was sealed: %v", n, err)
		return
	}
	got, err := os.ReadFile(filepath.Join(tree(p, n), "file"))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("tree %d (committed: %v) is not what was sealed: %d bytes, %v", n, committed, len(got), err)
	}
	if err := unix.Access(filepath.Join(tree(p, n), "file"), unix.W_OK); !errors.Is(err, unix.EROFS) {
		t.Errorf("tree %d can be changed: %v", n, err)
	}
}
