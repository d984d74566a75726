package loopfs

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Free waits until all that was removed in the file system of dir is free, and returns how
// much is, in bytes.
func Free(t testing.TB, dir string) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	if st.Type == unix.BTRFS_SUPER_MAGIC {
		run(t, "btrfs", "filesystem", "sync", dir)
		run(t, "btrfs", "subvolume", "sync", dir)
		run(t, "btrfs", "filesystem", "sync", dir)
	}
	if out, err := exec.Command("sync", "-f", dir).CombinedOutput(); err != nil {
		t.Fatalf("sync %s: %v\n%s", dir, err, out)
	}
	// XFS frees what is removed in the background (since Linux 5.14), and has no call that waits for that.
	var last unix.Statfs_t
	for same := 0; same < 5; same++ {
		if err := unix.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		if st.Bavail != last.Bavail {
			last, same = st, 0
		}
		time.Sleep(20 * time.Millisecond)
	}
	return int64(st.Bavail) * st.Bsize
}
