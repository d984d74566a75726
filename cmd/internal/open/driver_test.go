package open

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

func TestDriverOfStore(t *testing.T) {
	dir := t.TempDir()
	if err := recordDriver(dir, plain.New(plain.Copy)); err != nil {
		t.Fatal(err)
	}
	d, err := chooseDriver(t.Context(), dir, "", true, btrfs.Compression{})
	if err != nil || d.Name() != "copy" {
		t.Errorf("got %v, %v", d, err)
	}
	// A store on another mount can serve, since its layers are copied anyway.
	if err := checkSharesData(d, dir, "/proc/x"); err != nil {
		t.Errorf("checkSharesData: %v", err)
	}
	if err := checkSharesData(plain.New(plain.Reflink), dir, "/dev/shm/x/target"); err == nil {
		t.Error("checkSharesData across file systems: no error")
	}
	write(t, filepath.Join(dir, paths.StoreDriver), "zfs\n")
	if _, err := chooseDriver(t.Context(), dir, "", true, btrfs.Compression{}); err == nil || !strings.Contains(err.Error(), `"zfs"`) {
		t.Errorf("unknown driver: got %v", err)
	}
}

// The driver of a new store is one that works between it and the build directory; where that
// cannot be written beside, whoever goes on says so.
func TestDriverBetweenMounts(t *testing.T) {
	btrfsDir, xfs := loopfs.Btrfs(t), loopfs.XFS(t)
	for name, tt := range map[string]struct{ store, build, want string }{
		"one mount":             {btrfsDir, btrfsDir, "btrfs"},
		"two mounts of a Btrfs": {btrfsDir, loopfs.Bound(t, btrfsDir), "btrfs"},
		"two mounts of an XFS":  {xfs, loopfs.Bound(t, xfs), "reflink"},
		"two file systems":      {btrfsDir, xfs, "copy"},
		"read-only":             {btrfsDir, loopfs.ReadOnlyView(t, btrfsDir), "copy"},
	} {
		d, err := chooseDriver(t.Context(), filepath.Join(tt.store, "store"), filepath.Join(tt.build, "not/there/target"), false, btrfs.Compression{})
		if err != nil || d.Name() != tt.want {
			t.Errorf("%s: %v, %v, want %s", name, d, err, tt.want)
		}
	}
}
