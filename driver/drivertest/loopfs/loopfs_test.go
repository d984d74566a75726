package loopfs

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
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

// What was synced is there after a crash, and what was not is lost: without the
// second half a durability test proves nothing.
func TestCrash(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...Option) string{"btrfs": Btrfs, "xfs": XFS, "ext4": Ext4} {
		t.Run(name, func(t *testing.T) {
			dir := mount(t)
			write := func(name string) {
				if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 10_000), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("synced")
			d, err := os.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
			if err != nil {
				t.Fatal(err)
			}
			write("unsynced")
			Crash(t, dir)
			if info, err := os.Stat(filepath.Join(dir, "synced")); err != nil || info.Size() != 10_000 {
				t.Errorf("synced file: %v, %v", info, err)
			}
			if info, err := os.Stat(filepath.Join(dir, "unsynced")); err == nil && info.Size() > 0 {
				t.Error("a file that was not synced has survived")
			}
			write("after")
		})
	}
}

// A process beside the test that has a mount namespace of its own, as a view of the
// wrapper has, keeps the file system mounted for as long as it runs.
func TestCrashBesideMountNamespace(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...Option) string{"btrfs": Btrfs, "xfs": XFS, "ext4": Ext4} {
		t.Run(name, func(t *testing.T) {
			dir := mount(t)
			synced := filepath.Join(dir, "synced")
			if err := os.Mkdir(synced, 0o755); err != nil {
				t.Fatal(err)
			}
			unix.Sync()
			other := exec.Command("sleep", "0.5")
			other.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			if err := other.Start(); err != nil {
				t.Fatal(err)
			}
			defer other.Wait()
			Crash(t, dir)
			if _, err := os.Stat(synced); err != nil {
				t.Error(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "after"), 0o755); err != nil {
				t.Error(err)
			}
		})
	}
}
