package loopfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMountsAreWhatTheySay(t *testing.T) {
	for name, tt := range map[string]struct {
		mount func(testing.TB, ...Option) string
		magic int64
	}{
		"btrfs": {Btrfs, unix.BTRFS_SUPER_MAGIC},
		"xfs":   {XFS, unix.XFS_SUPER_MAGIC},
		"ext4":  {Ext4, unix.EXT4_SUPER_MAGIC},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tt.mount(t, Owner(1234), Size(2<<30))
			var st unix.Statfs_t
			if err := unix.Statfs(dir, &st); err != nil {
				t.Fatal(err)
			}
			if st.Type != tt.magic {
				t.Errorf("type %#x, want %#x", st.Type, tt.magic)
			}
			if size := int64(st.Blocks) * st.Bsize; size < 17<<26 {
				t.Errorf("size %d, want about 2 GiB", size)
			}
			var root unix.Stat_t
			if err := unix.Stat(dir, &root); err != nil || root.Uid != 1234 {
				t.Errorf("owner %d, %v, want 1234", root.Uid, err)
			}
		})
	}
}

func TestGoneAfterTest(t *testing.T) {
	var dir string
	t.Run("inner", func(t *testing.T) { dir = Btrfs(t) })
	if dir == "" {
		Unavailable(t, "the inner test was skipped")
	}
	if _, err := os.Lstat(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", filepath.Dir(dir), err)
	}
}
