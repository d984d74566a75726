package btrfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/containerd/btrfs/v2"

	"github.com/cargo-cow/cargo-cow/driver/drivertest"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// Below leaves out what the user may not reach, and nothing else; who must have all is told that there is more.
func TestBelowOthers(t *testing.T) {
	const nobody = 65534
	dir := func(t testing.TB) string {
		dir := filepath.Join(loopfs.Btrfs(t), "dir")
		for _, sub := range []string{"", "open/a", "open/a/deep", "closed/inner/b", "skipped", "skipped/c"} {
			path := filepath.Join(dir, sub)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), btrfs.SubvolCreate(path)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(dir, "closed"), 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	drivertest.AsUser(t, nobody, dir, func(t *testing.T, dir string) {
		got, err := new(Driver).Below(t.Context(), dir, func(path string) bool { return path == filepath.Join(dir, "skipped") })
		slices.Sort(got)
		if want := []string{filepath.Join(dir, "open/a"), filepath.Join(dir, "open/a/deep")}; err != nil || !slices.Equal(got, want) {
			t.Errorf("Below found %v, %v, want %v", got, err, want)
		}
		if got, err := nested(dir); got != nil || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("nested found %v, %v, want that it may not", got, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := new(Driver).Below(ctx, dir, func(string) bool { return false }); !errors.Is(err, context.Canceled) {
			t.Errorf("Below goes on though it is cancelled: %v", err)
		}
	})
}
