//go:build linux

package reflink_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// The conformance suite of the drivers compares whole trees; here is what it does
// not look at.
func TestCopyTree(t *testing.T) {
	for name, tt := range map[string]struct {
		mount func(testing.TB, ...loopfs.Option) string
		mode  reflink.Mode
		want  reflink.Stats
	}{
		"auto on btrfs":  {loopfs.Btrfs, reflink.Auto, reflink.Stats{Files: 3, Cloned: 1, ClonedBytes: 5000, Copied: 2, CopiedBytes: 2048}},
		"always on xfs":  {loopfs.XFS, reflink.Always, reflink.Stats{Files: 3, Cloned: 1, ClonedBytes: 5000, Copied: 2, CopiedBytes: 2048}},
		"never on btrfs": {loopfs.Btrfs, reflink.Never, reflink.Stats{Files: 3, Copied: 3, CopiedBytes: 7048}},
		"auto on ext4":   {loopfs.Ext4, reflink.Auto, reflink.Stats{Files: 3, Copied: 3, CopiedBytes: 7048}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tt.mount(t)
			src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
			must(t, os.MkdirAll(filepath.Join(src, "a/b"), 0o755))
			create(t, filepath.Join(src, "a/large"), data(5000))
			create(t, filepath.Join(src, "a/small"), data(2048))
			create(t, filepath.Join(src, "a/b/empty"), nil)
			must(t, os.Link(filepath.Join(src, "a/large"), filepath.Join(src, "link")))
			must(t, os.Symlink("a/large", filepath.Join(src, "symlink")))
			must(t, os.Chmod(filepath.Join(src, "a/small"), 0o4711))
			must(t, os.Chmod(filepath.Join(src, "a/b"), 0o1777|os.ModeSticky))
			must(t, unix.Setxattr(filepath.Join(src, "a/large"), "user.note", []byte("kept"), 0))
			must(t, unix.Setxattr(filepath.Join(src, "a"), "user.note", []byte("dir"), 0))
			paths := []string{"a/large", "a/small", "a/b/empty", "symlink", "a/b", "a", ""}
			for _, p := range paths {
				modify(t, filepath.Join(src, p))
			}

			// One run into a new directory, one into an existing one.
			must(t, os.MkdirAll(filepath.Join(dir, "existing/a"), 0o700))
			for _, dst := range []string{dst, filepath.Join(dir, "existing")} {
				got, err := reflink.CopyTree(t.Context(), dst+"/", src+"/", reflink.Options{Mode: tt.mode})
				if got != tt.want || err != nil {
					t.Errorf("CopyTree: %+v, %v, want %+v", got, err, tt.want)
				}
				for _, p := range paths {
					got, want := stat(t, filepath.Join(dst, p)), stat(t, filepath.Join(src, p))
					if got.Mtim != want.Mtim || got.Mode != want.Mode || got.Nlink != want.Nlink {
						t.Errorf("%s: mode %o mtime %v links %d, want %o %v %d", p, got.Mode, got.Mtim, got.Nlink, want.Mode, want.Mtim, want.Nlink)
					}
				}
				if stat(t, filepath.Join(dst, "link")).Ino != stat(t, filepath.Join(dst, "a/large")).Ino {
					t.Error("hard link became a file of its own")
				}
				for p, want := range map[string]string{"a/large": "kept", "a": "dir"} {
					value := make([]byte, 100)
					n, err := unix.Getxattr(filepath.Join(dst, p), "user.note", value)
					if err != nil || string(value[:n]) != want {
						t.Errorf("attribute of %s: %q, %v, want %q", p, value[:max(n, 0)], err, want)
					}
				}
				wantContent(t, filepath.Join(dst, "a/large"), data(5000))
				wantContent(t, filepath.Join(dst, "a/small"), data(2048))
			}
		})
	}
}

func TestTreeUsage(t *testing.T) {
	dir := loopfs.Btrfs(t)
	tree := filepath.Join(dir, "tree")
	must(t, os.Mkdir(tree, 0o755))
	create(t, filepath.Join(tree, "file"), data(64<<10))
	must(t, os.Link(filepath.Join(tree, "file"), filepath.Join(tree, "link")))
	_, err := reflink.CopyTree(t.Context(), filepath.Join(dir, "clone"), tree, reflink.Options{})
	must(t, err)
	create(t, filepath.Join(tree, "own"), data(8<<10))
	got, err := reflink.TreeUsage(t.Context(), tree)
	if want := (reflink.Usage{Shared: 64 << 10, Exclusive: 8 << 10}); got != want || err != nil {
		t.Errorf("TreeUsage: %+v, %v, want %+v", got, err, want)
	}
	blocks, err := reflink.TreeBlocks(t.Context(), tree)
	if blocks != 72<<10 || err != nil {
		t.Errorf("TreeBlocks: %d, %v, want %d", blocks, err, 72<<10)
	}
}

func BenchmarkCopyTree(b *testing.B) {
	for name, mount := range sharing {
		b.Run(name, func(b *testing.B) {
			dir := mount(b)
			const files = 2000
			src := filepath.Join(dir, "src")
			must(b, os.Mkdir(src, 0o755))
			for i := range files {
				must(b, os.WriteFile(filepath.Join(src, fmt.Sprint(i)), data(20_000), 0o644))
			}
			n := 0
			for b.Loop() {
				dst := filepath.Join(dir, fmt.Sprint("dst", n))
				n++
				_, err := reflink.CopyTree(b.Context(), dst, src, reflink.Options{Mode: reflink.Always})
				must(b, err)
				b.StopTimer()
				must(b, os.RemoveAll(dst))
				b.StartTimer()
			}
			b.ReportMetric(float64(files*n)/b.Elapsed().Seconds(), "files/s")
		})
	}
}

// That a file was copied is not that somebody used it.
func TestCopyTreeIsNoUse(t *testing.T) {
	mount := loopfs.Ext4(t, loopfs.MountOptions("atime"))
	src := filepath.Join(mount, "src")
	file := filepath.Join(src, "file")
	must(t, os.Mkdir(src, 0o777))
	must(t, os.WriteFile(file, []byte("x"), 0o666))
	modify(t, file)
	old := stat(t, file).Atim
	if _, err := reflink.CopyTree(t.Context(), filepath.Join(mount, "dst"), src, reflink.Options{Mode: reflink.Auto}); err != nil {
		t.Fatal(err)
	}
	if got := stat(t, file).Atim; got != old {
		t.Errorf("it was read at %v, want %v", got, old)
	}
}
