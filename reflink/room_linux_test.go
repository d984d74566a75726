package reflink_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// What does not fit is not begun, and why is said in figures; what fits is.
func TestRoom(t *testing.T) {
	const size = 64 << 20
	small, few := loopfs.Ext4(t, loopfs.Size(size)), loopfs.Ext4(t, loopfs.Size(size), loopfs.MkfsArgs("-N", "64"))
	xfs, btrfs := loopfs.XFS(t), loopfs.Btrfs(t)
	large := func(t testing.TB, dir string) { create(t, filepath.Join(dir, "large"), data(40<<20)) }
	for name, tt := range map[string]struct {
		from, to string
		mode     reflink.Mode
		fill     func(t testing.TB, dir string)
		need     int64 // of a RoomError, at least; 0 for none
		files    bool  // of which there are too many
	}{
		"half of the disk, copied there":   {small, small, reflink.Never, large, 40 << 20, false},
		"nearly all, from elsewhere":       {xfs, small, reflink.Never, func(t testing.TB, d string) { large(t, d); create(t, d+"/more", data(40<<20)) }, 80 << 20, false},
		"the same, as it cannot be cloned": {btrfs, small, reflink.Auto, func(t testing.TB, d string) { large(t, d); create(t, d+"/more", data(40<<20)) }, 80 << 20, false},
		"a large file with holes, and its links": {xfs, small, reflink.Never, func(t testing.TB, d string) {
			must(t, os.Truncate(create(t, d+"/f", data(5000)).Name(), 1<<30))
			must(t, os.Link(d+"/f", d+"/g"))
		}, 0, false},
		"one file by many names": {xfs, small, reflink.Never, func(t testing.TB, d string) {
			large(t, d)
			must(t, os.Link(d+"/large", d+"/b"))
			must(t, os.Link(d+"/large", d+"/c"))
		}, 0, false},
		"many files": {xfs, few, reflink.Never, func(t testing.TB, d string) {
			for i := range 100 {
				create(t, filepath.Join(d, fmt.Sprint(i)), nil)
			}
		}, 0, true},
		"cloned, whatever it takes": {xfs, xfs, reflink.Always, func(t testing.TB, d string) {
			for i := range 9 {
				create(t, filepath.Join(d, fmt.Sprint(i)), data(60<<20))
			}
		}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			src := filepath.Join(tt.from, "src")
			must(t, os.Mkdir(src, 0o755))
			t.Cleanup(func() { os.RemoveAll(src); os.RemoveAll(filepath.Join(tt.to, "dst")); unix.Sync() })
			tt.fill(t, src)
			_, err := reflink.CopyTree(t.Context(), filepath.Join(tt.to, "dst"), src, reflink.Options{Mode: tt.mode})
			var room *reflink.RoomError
			if tt.need == 0 && !tt.files {
				must(t, err)
				return
			}
			if !errors.As(err, &room) || !errors.Is(err, unix.ENOSPC) || room.Need < tt.need || (room.Files > room.Names) != tt.files {
				t.Fatalf("CopyTree: %v (%+v)", err, room)
			}
			if left, _ := filepath.Glob(filepath.Join(tt.to, "dst/*")); tt.mode == reflink.Never && len(left) > 0 {
				t.Errorf("it was begun: %q", left)
			}
			if blocks, _ := reflink.TreeBlocks(t.Context(), filepath.Join(tt.to, "dst")); blocks > 1<<20 {
				t.Errorf("%d bytes were copied all the same", blocks)
			}
		})
	}
}

// Who asks is told of more and more until all is copied, of what is cloned nothing, and of
// what ends early that it has ended.
func TestTold(t *testing.T) {
	xfs, ext4 := loopfs.XFS(t), loopfs.Ext4(t)
	src := filepath.Join(xfs, "src")
	must(t, os.Mkdir(src, 0o755))
	for i := range 20 {
		create(t, filepath.Join(src, fmt.Sprint(i)), data(1<<20))
	}
	create(t, filepath.Join(src, "large"), data(30<<20))
	for name, tt := range map[string]struct {
		to    string
		mode  reflink.Mode
		total int64
	}{"copied": {ext4, reflink.Never, 50 << 20}, "not to be cloned": {ext4, reflink.Auto, 50 << 20}, "cloned": {xfs, reflink.Auto, 0}} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var calls, most, last, total int64
			told := func(done, all int64) {
				mu.Lock()
				defer mu.Unlock()
				calls, most, last, total = calls+1, max(most, done), done, all
				if done > all {
					t.Errorf("%d of %d", done, all)
				}
			}
			dst := filepath.Join(tt.to, "dst")
			defer os.RemoveAll(dst)
			_, err := reflink.CopyTree(t.Context(), dst, src, reflink.Options{Mode: tt.mode, Told: told})
			must(t, err)
			if total < tt.total || total > tt.total+1<<20 || last != total || most != last {
				t.Errorf("at last told of %d of %d, want all of about %d", last, total, tt.total)
			}
			if want := int64(20 + 30/8); tt.total > 0 && calls < want {
				t.Errorf("told %d times, want at least %d", calls, want)
			}
		})
	}
}
