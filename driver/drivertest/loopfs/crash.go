package loopfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Crash does to the file system mounted at dir, which one of the functions above
// has returned, what a power cut would do: when it returns, dir is again mounted,
// with what had reached the device at the time of the call. Nothing may have a
// file open there. A write cache inside the disk is not modelled.
//
// What is mounted again is what lay on the device at one instant. A copy that is made
// while the file system goes on writing is not: it may have a later log beside earlier
// blocks.
func Crash(t testing.TB, dir string) {
	t.Helper()
	image := filepath.Join(filepath.Dir(dir), "image")
	m := mountedAs(t, dir)
	if m.fstype == "btrfs" {
		crashBtrfs(t, dir, image, m)
	} else {
		shutDown(t, dir)
		leave(t, dir, image, m)
	}
	run(t, "mount", "-t", m.fstype, "-o", "loop,"+m.options, image, dir)
}

// shutDown has a file system write nothing any more, not even what its log has in
// memory: FS_IOC_SHUTDOWN of linux/fs.h, which XFS and ext4 have.
func shutDown(t testing.TB, dir string) {
	t.Helper()
	const (
		iocShutdown = 0x8004587d
		noLogFlush  = 2
	)
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := unix.IoctlSetPointerInt(int(d.Fd()), iocShutdown, noLogFlush); err != nil {
		t.Fatalf("shut down the file system at %s: %v", dir, err)
	}
}

// crashBtrfs puts a copy of the image in its place, since Btrfs cannot be shut down
// before Linux 6.19. A copy does for it, though the file system is mounted: the superblock
// lies in front and is copied first, and what it refers to is not overwritten before a
// commit, of which there is one in 30 s, is followed by more writing, of which there is
// none.
func crashBtrfs(t testing.TB, dir, image string, m mounted) {
	t.Helper()
	// The image holds what the file system has written, not what it has yet to
	// write. Unmounting would write it, so copy first.
	run(t, "cp", "--sparse=always", image, image+".crashed")
	leave(t, dir, image, m)
	if err := os.Rename(image+".crashed", image); err != nil {
		t.Fatal(err)
	}
	forgetBtrfsDevices(t)
}

// maxHeld is how long others may keep a file system mounted: a little longer than the
// longest call of the compiler on a machine with much else to do.
const maxHeld = 2 * time.Minute

// leave unmounts dir and waits until nobody has the file system any more. Every process
// that gets a mount namespace of its own gets what is mounted at that moment, whoever it
// is for: a view of the wrapper's, in a test beside this one, keeps it for as long as
// a compiler runs. Until then it is in use, and its image cannot be mounted once more:
// XFS and Btrfs refuse a second file system of the same id, and ext4 would be the one
// that was shut down.
func leave(t testing.TB, dir, image string, m mounted) {
	t.Helper()
	if err := tryUnmount(dir); err != nil {
		t.Fatalf("unmount %s: %v", dir, err)
	}
	held := func() bool {
		// The kernel frees the device with its last user.
		backing, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(m.device), "loop/backing_file"))
		return err == nil && strings.TrimSpace(string(backing)) == image
	}
	for end := time.Now().Add(maxHeld); held(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("unmount %s: another mount namespace has kept it for %v", dir, maxHeld)
		}
	}
}

// mounted is how a file system is mounted.
type mounted struct {
	device, fstype string
	options        string // without those that only describe the mount
}

func mountedAs(t testing.TB, dir string) mounted {
	t.Helper()
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[1] != dir {
			continue
		}
		keep := []string{"noatime"}
		for o := range strings.SplitSeq(f[3], ",") {
			if strings.HasPrefix(o, "user_subvol") || strings.HasPrefix(o, "commit=") || strings.HasPrefix(o, "compress") {
				keep = append(keep, o)
			}
		}
		return mounted{f[0], f[2], strings.Join(keep, ",")}
	}
	t.Fatalf("%s is not mounted", dir)
	return mounted{}
}

// forgetBtrfsDevices makes the kernel forget the unmounted devices it has seen:
// it would refuse a copy that is older than the original (BTRFS_IOC_FORGET_DEV,
// Linux 5.0).
func forgetBtrfsDevices(t testing.TB) {
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
