//go:build linux

package reflink_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/reflink"
)

var sharing = map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "xfs": loopfs.XFS}

func TestFile(t *testing.T) {
	for name, mount := range sharing {
		t.Run(name, func(t *testing.T) {
			dir := mount(t)
			// Not synced before: FICLONE has to see what is only in memory.
			for _, size := range []int{0, 1, 2048, 4096, 4097, 1 << 20} {
				src := create(t, filepath.Join(dir, "src"), data(size))
				dst := create(t, filepath.Join(dir, "dst"), nil)
				must(t, reflink.File(dst, src))
				wantContent(t, dst.Name(), data(size))
				must(t, os.Remove(src.Name()))
				must(t, os.Remove(dst.Name()))
			}
		})
	}
	dir := loopfs.Ext4(t)
	err := reflink.File(create(t, filepath.Join(dir, "dst"), nil), create(t, filepath.Join(dir, "src"), data(9)))
	if !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("File on ext4: %v, want EOPNOTSUPP", err)
	}
}

func TestProbe(t *testing.T) {
	btrfs, xfs, ext4 := loopfs.Btrfs(t), loopfs.XFS(t), loopfs.Ext4(t)
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{btrfs, btrfs, true}, {xfs, xfs, true}, {ext4, ext4, false}, {btrfs, xfs, false}, {xfs, ext4, false},
	} {
		if got, err := reflink.Probe(tt.from, tt.to); got != tt.want || err != nil {
			t.Errorf("Probe(%s, %s): %v, %v, want %v", tt.from, tt.to, got, err, tt.want)
		}
	}
	if _, err := reflink.Probe(btrfs, filepath.Join(btrfs, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Probe of no directory: %v, want ErrNotExist", err)
	}
	if left, _ := filepath.Glob(filepath.Join(btrfs, ".*")); len(left) != 0 {
		t.Errorf("Probe left %v", left)
	}
}

// TestCopierFallsBack: one file that cannot be cloned does not turn cloning off,
// a file system that cannot does.
func TestCopierFallsBack(t *testing.T) {
	btrfs, ext4 := loopfs.Btrfs(t), loopfs.Ext4(t)
	n := 0
	copyFile := func(c *reflink.Copier, dir string, src *os.File) (bool, error) {
		n++
		dst := create(t, filepath.Join(dir, "dst"+string(rune('a'+n))), nil)
		_, err := src.Seek(0, 0)
		must(t, err)
		cloned, err := c.File(t.Context(), dst, src)
		if err == nil {
			want, err := os.ReadFile(src.Name())
			must(t, err)
			wantContent(t, dst.Name(), want)
		}
		return cloned, err
	}
	normal := create(t, filepath.Join(btrfs, "normal"), data(5000))
	small := create(t, filepath.Join(btrfs, "small"), data(reflink.InlineMax))
	nocow := create(t, filepath.Join(btrfs, "nocow"), nil)
	// FS_NOCOW_FL, which only an empty file takes.
	must(t, unix.IoctlSetPointerInt(int(nocow.Fd()), unix.FS_IOC_SETFLAGS, 0x00800000))
	_, err := nocow.Write(data(5000))
	must(t, err)

	for _, mode := range []reflink.Mode{reflink.Auto, reflink.Always} {
		c := reflink.NewCopier(mode)
		for _, tt := range []struct {
			src  *os.File
			want bool
		}{{normal, true}, {nocow, false}, {small, false}, {normal, true}} {
			if cloned, err := copyFile(c, btrfs, tt.src); cloned != tt.want || err != nil {
				t.Errorf("mode %v, %s: cloned %v, %v, want %v", mode, tt.src.Name(), cloned, err, tt.want)
			}
		}
	}
	if cloned, err := copyFile(reflink.NewCopier(reflink.Never), btrfs, normal); cloned || err != nil {
		t.Errorf("Never: cloned %v, %v", cloned, err)
	}
	auto := reflink.NewCopier(reflink.Auto)
	for range 2 {
		if cloned, err := copyFile(auto, ext4, normal); cloned || err != nil {
			t.Errorf("to another file system: cloned %v, %v", cloned, err)
		}
	}
	if _, err := copyFile(reflink.NewCopier(reflink.Always), ext4, normal); !errors.Is(err, reflink.ErrUnsupported) {
		t.Errorf("Always to another file system: %v, want ErrUnsupported", err)
	}
	readonly, err := os.Open(normal.Name())
	must(t, err)
	defer readonly.Close()
	if _, err := auto.File(t.Context(), readonly, normal); err == nil {
		t.Error("copy to a file that is not open for writing succeeded")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = reflink.NewCopier(reflink.Never).File(ctx, create(t, filepath.Join(ext4, "cancelled"), nil), normal)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("copy cancelled: %v", err)
	}
}

func TestExtents(t *testing.T) {
	for name, mount := range sharing {
		t.Run(name, func(t *testing.T) {
			dir := mount(t)
			const block = 4096
			// A hole between every two blocks, more extents than one call returns.
			src := create(t, filepath.Join(dir, "src"), nil)
			const n = 300
			// Growing by writes would make XFS allocate ahead.
			must(t, src.Truncate(2*n*block))
			for i := range n {
				_, err := src.WriteAt(data(block), int64(2*i)*block)
				must(t, err)
			}
			var last uint64
			var extents int
			must(t, reflink.Extents(src, func(e reflink.Extent) error {
				if extents > 0 && e.Logical <= last {
					t.Errorf("extent at %d after one at %d", e.Logical, last)
				}
				if e.Shared || e.Inline || e.Physical == 0 || e.Length != block {
					t.Errorf("extent %d: %+v", extents, e)
				}
				last, extents = e.Logical, extents+1
				return nil
			}))
			if extents != n || last != 2*(n-1)*block {
				t.Errorf("%d extents, the last at %d, want %d and %d", extents, last, n, 2*(n-1)*block)
			}

			must(t, reflink.File(create(t, filepath.Join(dir, "dst"), nil), src))
			_, err := src.WriteAt(data(block), 0)
			must(t, err)
			u, err := reflink.FileUsage(src)
			if want := (reflink.Usage{Shared: (n - 1) * block, Exclusive: block}); u != want || err != nil {
				t.Errorf("FileUsage: %+v, %v, want %+v", u, err, want)
			}
			stop := errors.New("stop")
			if err := reflink.Extents(src, func(reflink.Extent) error { return stop }); err != stop {
				t.Errorf("Extents: %v, want the error of visit", err)
			}
		})
	}
}
