package plain_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/drivertest"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/reflink"
)

func TestReflinkOnBtrfs(t *testing.T) {
	drivertest.Run(t, drivertest.Factory{Driver: plain.New(plain.Reflink), Disk: disk("btrfs")})
}

func TestReflinkOnXFS(t *testing.T) {
	drivertest.Run(t, drivertest.Factory{Driver: plain.New(plain.Reflink), Disk: disk("xfs")})
}

func TestCopyOnExt4(t *testing.T) {
	drivertest.Run(t, drivertest.Factory{Driver: plain.New(plain.Copy), Disk: disk("ext4")})
}

// Where the file system could share, a copy must not.
func TestCopyOnXFS(t *testing.T) {
	drivertest.Run(t, drivertest.Factory{Driver: plain.New(plain.Copy), Dir: func(t testing.TB) string { return loopfs.XFS(t) }})
}

// An ordinary user gets the same of either.
func TestUnprivileged(t *testing.T) {
	const nobody = 65534
	for _, c := range []struct {
		name  string
		mode  plain.Mode
		mount func(testing.TB, ...loopfs.Option) string
	}{{"ReflinkOnXFS", plain.Reflink, loopfs.XFS}, {"CopyOnExt4", plain.Copy, loopfs.Ext4}} {
		t.Run(c.name, func(t *testing.T) {
			mounted := func(t testing.TB) string { return c.mount(t, loopfs.Owner(nobody)) }
			drivertest.AsUser(t, nobody, mounted, func(t *testing.T, dir string) {
				drivertest.Run(t, drivertest.Factory{Driver: plain.New(c.mode), Dir: func(testing.TB) string { return dir }})
			})
		})
	}
}

func TestCopyInTempDir(t *testing.T) {
	drivertest.Run(t, drivertest.Factory{Driver: plain.New(plain.Copy), Dir: func(t testing.TB) string { return t.TempDir() }})
}

func disk(fstype string) func(testing.TB) *faultdisk.Disk {
	return func(t testing.TB) *faultdisk.Disk { return faultdisk.Mounted(t, fstype, "") }
}

// The driver "reflink" does not copy in secret.
func TestReflinkUnsupported(t *testing.T) {
	dir, d := loopfs.Ext4(t), plain.New(plain.Reflink)
	tree, clone := filepath.Join(dir, "tree"), filepath.Join(dir, "clone")
	if err := d.Create(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "file"), []byte(strings.Repeat("x", 5000)), 0o644); err != nil {
		t.Fatal(err)
	}
	for op, err := range map[string]error{"Clone": d.Clone(t.Context(), clone, tree), "Seal": d.Seal(t.Context(), clone, tree)} {
		if !errors.Is(err, reflink.ErrUnsupported) {
			t.Errorf("%s on ext4: %v, want ErrUnsupported", op, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	hidden, err2 := filepath.Glob(filepath.Join(dir, ".tmp*"))
	if len(left) != 2 || len(hidden) != 0 || err != nil || err2 != nil { // lost+found and tree
		t.Errorf("left over: %q %q", left, hidden)
	}
}

func BenchmarkReflinkOnXFS(b *testing.B) {
	drivertest.Bench(b, drivertest.Factory{Driver: plain.New(plain.Reflink), Dir: func(t testing.TB) string { return loopfs.XFS(t) }})
}

func BenchmarkCopyOnExt4(b *testing.B) {
	drivertest.Bench(b, drivertest.Factory{Driver: plain.New(plain.Copy), Dir: func(t testing.TB) string { return loopfs.Ext4(t) }})
}

// A copy tells how far it is, of a clone there is nothing to tell; and what does not fit is
// refused before it is begun, by Clone and by Seal.
func TestCopyTellsAndRefuses(t *testing.T) {
	const size = 64 << 20
	for name, tt := range map[string]struct {
		dir  string
		mode plain.Mode
		want int64
	}{"copy": {loopfs.Ext4(t, loopfs.Size(size)), plain.Copy, 10 << 20}, "reflink": {loopfs.XFS(t), plain.Reflink, 0}} {
		d, tree := plain.New(tt.mode), filepath.Join(tt.dir, "tree")
		if err := d.Create(t.Context(), tree); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, "file"), make([]byte, 10<<20), 0o644); err != nil {
			t.Fatal(err)
		}
		var done, total atomic.Int64
		ctx := driver.TellCopied(t.Context(), func(d, t int64) { done.Store(d); total.Store(t) })
		for op, do := range map[string]func(context.Context, string, string) error{"Clone": d.Clone, "Seal": d.Seal} {
			done.Store(-1)
			if err := do(ctx, filepath.Join(tt.dir, op), tree); err != nil {
				t.Fatal(err)
			}
			if done.Load() != tt.want || total.Load() != tt.want {
				t.Errorf("%s %s tells of %d of %d bytes, want %d", name, op, done.Load(), total.Load(), tt.want)
			}
		}
		if tt.mode == plain.Reflink {
			continue
		}
		if err := os.WriteFile(filepath.Join(tree, "more"), make([]byte, 10<<20), 0o644); err != nil {
			t.Fatal(err)
		}
		for op, do := range map[string]func(context.Context, string, string) error{"Clone": d.Clone, "Seal": d.Seal} {
			err := do(t.Context(), filepath.Join(tt.dir, "another"), tree)
			var room *reflink.RoomError
			if !errors.As(err, &room) || !errors.Is(err, unix.ENOSPC) || room.Need < 20<<20 {
				t.Errorf("%s of 20 MiB: %v", op, err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(tt.dir, "[.a]*")); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	}
}
