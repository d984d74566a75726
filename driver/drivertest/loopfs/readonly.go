package loopfs

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// ReadOnlyView is the directory dir as a sandbox shows it, where it cannot be written.
func ReadOnlyView(t *testing.T, dir string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		Unavailable(t, "only root can mount")
	}
	view := t.TempDir()
	err := unix.Mount(dir, view, "", unix.MS_BIND, "")
	if err == nil {
		t.Cleanup(func() { unix.Unmount(view, unix.MNT_DETACH) })
		err = unix.Mount("", view, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return view
}
