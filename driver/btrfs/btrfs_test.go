package btrfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	kernel "github.com/containerd/btrfs/v2"
	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/faultdisk"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/reflink"
)

func btrfsDir(opts ...loopfs.Option) func(testing.TB) string {
	return func(t testing.TB) string { return loopfs.Btrfs(t, opts...) }
}

func TestConformance(t *testing.T) {
	drivertest.Run(t, drivertest.Factory{Driver: btrfs.New(), Disk: func(t testing.TB) *faultdisk.Disk { return faultdisk.Mounted(t, "btrfs", "") }})
}

func TestConformanceCompressing(t *testing.T) {
	drivertest.Run(t, drivertest.Factory{Driver: btrfs.Compressing(btrfs.Compression{Algorithm: "zstd"}), Dir: btrfsDir()})
}

// What is written into a tree that compresses is compressed, and so it is in what comes of
// the tree; a mount without checksums does without.
func TestCompressing(t *testing.T) {
	fill := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compressed := func(path string) bool {
		t.Helper()
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var all, encoded int
		if err := reflink.SettledExtents(f, func(e reflink.Extent) error {
			if all++; e.Encoded {
				encoded++
			}
			return nil
		}); err != nil || all == 0 {
			t.Fatalf("%d extents, %v", all, err)
		}
		return encoded == all
	}
	type how = btrfs.Compression
	for _, c := range []struct {
		how     how
		options string
		want    bool
	}{
		{how{Algorithm: "zstd"}, "compress=no", true},
		{how{Algorithm: "zstd", Yields: true}, "compress=no", true},
		{how{Algorithm: "lzo"}, "compress=no", true},
		{how{}, "compress=no", false},
		{how{}, "compress=zstd", true},
		{how{Algorithm: "none"}, "compress=zstd", false},
		{how{Algorithm: "zstd"}, "nodatasum", false},
	} {
		dir := loopfs.Btrfs(t, loopfs.MountOptions(c.options))
		ordinary := filepath.Join(dir, "ordinary")
		if err := os.MkdirAll(filepath.Join(ordinary, "debug"), 0o755); err != nil {
			t.Fatal(err)
		}
		fill(filepath.Join(ordinary, "debug", "there"))
		d := btrfs.Compressing(c.how)
		trees := []string{"new", "taken", "clone", "layer"}
		for i := range trees {
			trees[i] = filepath.Join(dir, trees[i])
		}
		if err := errors.Join(
			d.Create(t.Context(), trees[0]), os.Mkdir(filepath.Join(trees[0], "debug"), 0o755),
			d.Clone(t.Context(), trees[1], ordinary), d.Clone(t.Context(), trees[2], trees[0]),
		); err != nil {
			t.Fatal(err)
		}
		for _, tree := range trees[:3] {
			fill(filepath.Join(tree, "debug", "more"))
		}
		if err := d.Seal(t.Context(), trees[3], trees[2]); err != nil {
			t.Fatal(err)
		}
		unix.Sync()
		for _, tree := range trees {
			if got := compressed(filepath.Join(tree, "debug", "more")); got != c.want {
				t.Errorf("%+v on a mount with %s: %s is compressed: %v", c.how, c.options, filepath.Base(tree), got)
			}
		}
		if !strings.Contains(c.options, "zstd") && compressed(filepath.Join(trees[1], "debug", "there")) {
			t.Error("what was there is no clone")
		}
	}
}

// What somebody has chosen for the place goes before what is delivered, but not before what
// the user has said.
func TestCompressionYields(t *testing.T) {
	property := func(path string) string {
		t.Helper()
		value := make([]byte, 64)
		n, err := unix.Getxattr(path, "btrfs.compression", value)
		if err != nil && !errors.Is(err, unix.ENODATA) {
			t.Fatal(err)
		}
		return string(value[:max(n, 0)])
	}
	for i, c := range []struct{ options, of, yields, insists string }{
		{"noatime", "", "zstd", "zstd"},
		{"compress=zstd:3", "", "", "zstd"},
		{"compress-force=lzo", "", "", "zstd"},
		{"noatime", "lzo", "lzo", "zstd"},
	} {
		dir := loopfs.Btrfs(t, loopfs.MountOptions(c.options))
		if c.of != "" {
			if err := unix.Setxattr(dir, "btrfs.compression", []byte(c.of), 0); err != nil {
				t.Fatal(err)
			}
		}
		for yields, want := range map[bool]string{true: c.yields, false: c.insists} {
			tree := filepath.Join(dir, fmt.Sprint(yields))
			if err := btrfs.Compressing(btrfs.Compression{Algorithm: "zstd", Yields: yields}).Create(t.Context(), tree); err != nil {
				t.Fatal(err)
			}
			if got := property(tree); got != want {
				t.Errorf("%d: %s in a directory of %q, yields %v: %q, want %q", i, c.options, c.of, yields, got, want)
			}
		}
	}
}

// nobody is a user that owns nothing else.
const nobody = 65534

// Without the mount option user_subvol_rm_allowed nothing can be destroyed, and
// deletion has to go file by file.
func TestConformanceUnprivileged(t *testing.T) {
	drivertest.AsUser(t, nobody, btrfsDir(loopfs.Owner(nobody)), func(t *testing.T, dir string) {
		wantDestroys(t, dir, false)
		drivertest.Run(t, drivertest.Factory{Driver: btrfs.New(), Dir: func(testing.TB) string { return dir }})
	})
}

func TestConformanceUnprivilegedDeletionAllowed(t *testing.T) {
	drivertest.AsUser(t, nobody, btrfsDir(loopfs.Owner(nobody), loopfs.MountOptions("user_subvol_rm_allowed")), func(t *testing.T, dir string) {
		wantDestroys(t, dir, true)
		drivertest.Run(t, drivertest.Factory{Driver: btrfs.New(), Dir: func(testing.TB) string { return dir }})
	})
}

// wantDestroys checks that the conformance tests meet what they are for: a caller who
// can destroy subvolumes, or cannot.
func wantDestroys(t *testing.T, dir string, want bool) {
	t.Helper()
	tree := filepath.Join(dir, "destroys")
	if err := kernel.SubvolCreate(tree); err != nil {
		t.Fatal(err)
	}
	if err := kernel.SubvolDelete(tree); (err == nil) != want {
		t.Errorf("destroying a subvolume: %v, want that it can be: %v", err, want)
	}
	if err := os.Remove(tree); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

// A subvolume of another user cannot be cloned, and the error says why.
func TestForeignTree(t *testing.T) {
	dir := func(t testing.TB) string {
		dir := loopfs.Btrfs(t)
		if err := btrfs.New().Create(t.Context(), filepath.Join(dir, "foreign")); err != nil {
			t.Fatal(err)
		}
		mine := filepath.Join(dir, "mine")
		if err := errors.Join(os.Mkdir(mine, 0o755), os.Chown(mine, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	drivertest.AsUser(t, nobody, dir, func(t *testing.T, dir string) {
		d, foreign := btrfs.New(), filepath.Join(dir, "foreign")
		for op, err := range map[string]error{
			"Clone":            d.Clone(t.Context(), filepath.Join(dir, "mine/clone"), foreign),
			"Seal":             d.Seal(t.Context(), filepath.Join(dir, "mine/sealed"), foreign),
			"Delete":           d.Delete(t.Context(), foreign),
			"Create elsewhere": d.Create(t.Context(), filepath.Join(dir, "new")),
		} {
			if !errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s of a foreign tree: %v, want a permission error", op, err)
			}
		}
		if left, _ := os.ReadDir(filepath.Join(dir, "mine")); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestNotBtrfs(t *testing.T) {
	d, dir := btrfs.New(), t.TempDir()
	if holds, err := d.Holds(dir); holds || err != nil {
		t.Errorf("Holds(%s): %v, %v", dir, holds, err)
	}
	if err := d.Create(t.Context(), filepath.Join(dir, "tree")); err == nil {
		t.Error("Create succeeded where there is no Btrfs")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

// A tree's lineage is one that other programs see, and it ends with the file system.
func TestLineage(t *testing.T) {
	d, dir, other := btrfs.New(), loopfs.Btrfs(t), loopfs.Btrfs(t)
	tree, sealed, clone := filepath.Join(dir, "tree"), filepath.Join(dir, "sealed"), filepath.Join(dir, "clone")
	for _, err := range []error{
		d.Create(t.Context(), tree), d.Seal(t.Context(), sealed, tree), d.Clone(t.Context(), clone, sealed),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	info := map[string]kernel.Info{}
	for _, path := range []string{tree, sealed, clone} {
		i, err := kernel.SubvolInfo(path)
		if err != nil {
			t.Fatal(err)
		}
		info[path] = i
	}
	if info[tree].Readonly || !info[sealed].Readonly || info[clone].Readonly {
		t.Errorf("read-only: %+v", info)
	}
	if info[tree].ParentUUID != "" || info[sealed].ParentUUID != info[tree].UUID || info[clone].ParentUUID != info[sealed].UUID {
		t.Errorf("lineage is not tree, sealed, clone: %+v", info)
	}
	if info[tree].ID == info[sealed].ID || info[tree].ID == 0 || info[tree].UUID == "" {
		t.Errorf("identity: %+v", info)
	}
	if err := d.Clone(t.Context(), filepath.Join(other, "clone"), tree); err == nil {
		t.Error("Clone to another file system succeeded")
	}
	if left, _ := os.ReadDir(other); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func BenchmarkDriver(b *testing.B) {
	drivertest.Bench(b, drivertest.Factory{Driver: btrfs.New(), Dir: btrfsDir()})
}
