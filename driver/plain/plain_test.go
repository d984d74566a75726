package plain_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
