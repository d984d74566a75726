package loopfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Other ways to a file system, and file systems that need no image. Each is gone when the test
// ends.

// Bound is another mount of the directory dir.
func Bound(t testing.TB, dir string) string {
	t.Helper()
	return view(t, dir, "", unix.MS_BIND, "")
}

// Again is another mount of the file system whose root is mounted at dir, with these options:
// "subvol=/name".
func Again(t testing.TB, dir, options string) string {
	t.Helper()
	device, fstype := mounted(t, dir)
	return view(t, device, fstype, unix.MS_NOATIME, options)
}

// Memory is a new tmpfs.
func Memory(t testing.TB) string {
	t.Helper()
	return view(t, "tmpfs", "tmpfs", 0, "size=64m")
}

// Overlay is a new overlayfs whose upper directory lies in the directory on, and whose lower one
// is empty.
func Overlay(t testing.TB, on string) string {
	t.Helper()
	lower, upper, work := filepath.Join(on, "lower"), filepath.Join(on, "upper"), filepath.Join(on, "work")
	for _, dir := range []string{lower, upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return view(t, "overlay", "overlay", 0, "lowerdir="+lower+",upperdir="+upper+",workdir="+work)
}

func view(t testing.TB, source, fstype string, flags uintptr, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		Unavailable(t, "only root can mount")
	}
	dir := t.TempDir()
	if err := unix.Mount(source, dir, fstype, flags, options); err != nil {
		t.Fatalf("mount %s %s (%s): %v", fstype, source, options, err)
	}
	t.Cleanup(func() { Unmount(t, dir) })
	return dir
}

// mounted returns what is mounted at dir.
func mounted(t testing.TB, dir string) (device, fstype string) {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == dir {
			device, fstype = f[0], f[2]
		}
	}
	return device, fstype
}
