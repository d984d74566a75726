package loopfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What other fixtures that mount file systems need as well.

// Unavailable skips the test, or fails it if the environment variable CI is set.
// Other fixtures that need something of the machine should call it too.
func Unavailable(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("cannot run, and CI is set: %s", reason)
	}
	t.Skipf("NOT RUN: %s", reason)
}

// Format makes a file system of that type on a device or in an image. The program for it is
// looked for also where users without privilege have no PATH to; where it is missing, see
// [Unavailable].
func Format(t testing.TB, fstype, device string, args ...string) {
	t.Helper()
	name := "mkfs." + fstype
	path, err := exec.LookPath(filepath.Join("/usr/sbin", name))
	if err != nil {
		path, err = exec.LookPath(name)
	}
	if err != nil {
		Unavailable(t, err.Error())
	}
	args = append(append([]string{"-q"}, args...), device)
	for tries := 0; ; tries++ {
		out, err := exec.Command(path, args...).CombinedOutput()
		if err == nil {
			return
		}
		// mkfs.btrfs looks at what is mounted from all loop devices, and gives up where one
		// of them is freed meanwhile (btrfs-progs 6.2, check_mounted).
		if tries > 100 || !strings.Contains(string(out), "cannot check mount status") {
			t.Fatalf("%s %q: %v\n%s", path, args, err, out)
		}
		time.Sleep(time.Millisecond)
	}
}

// Unmount unmounts dir when the test is over. It waits for what still has files open, such
// as a child that was just killed. A lazy unmount is the last resort, and a failure of the
// test.
func Unmount(t testing.TB, dir string) {
	t.Helper()
	var err error
	for wait := time.Millisecond; wait < 4*time.Second; wait *= 2 {
		if err = unix.Unmount(dir, 0); err != unix.EBUSY {
			break
		}
		time.Sleep(wait)
	}
	if err != nil {
		t.Errorf("unmount %s: %v", dir, err)
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s lazily: %v", dir, err)
		}
	}
}

// maxHeld is how long others may keep a file system mounted: a little longer than the
// longest call of the compiler on a machine with much else to do.
const maxHeld = 2 * time.Minute

// Released waits until the kernel has freed a loop device, with the last user of what was
// mounted from it. Every process that gets a mount namespace of its own gets what is
// mounted at that moment, whoever it is for: a view of the wrapper's, in a test beside this
// one, keeps it for as long as a compiler runs. Until then the file system is in use, and a
// copy of it cannot be mounted: XFS and Btrfs refuse a second one of the same id.
func Released(t testing.TB, device, backing string) {
	t.Helper()
	held := func() bool {
		file, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(device), "loop/backing_file"))
		return err == nil && strings.TrimSpace(string(file)) == backing
	}
	for end := time.Now().Add(maxHeld); held(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("another mount namespace has kept %s for %v", device, maxHeld)
		}
	}
}

// ForgetBtrfsDevices makes the kernel forget the unmounted devices it has seen: it would
// refuse a copy that is older than the original (BTRFS_IOC_FORGET_DEV, Linux 5.0).
func ForgetBtrfsDevices(t testing.TB) {
	t.Helper()
	control, err := os.OpenFile("/dev/btrfs-control", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	var args [4096]byte // an empty name means all
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, control.Fd(), 0x50009405, uintptr(unsafe.Pointer(&args)))
	// EBUSY says that some are mounted, by other tests; the rest is forgotten.
	if errno != 0 && errno != unix.EBUSY {
		t.Fatalf("forget btrfs devices: %v", errno)
	}
}
