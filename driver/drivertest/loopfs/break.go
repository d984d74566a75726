package loopfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Break has every call on the file system mounted at dir, XFS or ext4, fail with EIO from
// now on, as if the disk had been pulled: FS_IOC_SHUTDOWN of linux/fs.h. What was written
// before is on the disk. [Mend] mounts it again.
func Break(dir string) error {
	const iocShutdown, syncFirst = 0x8004587d, 0
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := unix.IoctlSetPointerInt(int(d.Fd()), iocShutdown, syncFirst); err != nil {
		return fmt.Errorf("shut down the file system at %s: %w", dir, err)
	}
	return nil
}

// mendLimit bounds how long others may keep a broken file system: processes that are being
// killed, and mount namespaces that were made while it was mounted.
const mendLimit = 2 * time.Minute

// Mend mounts again what Break has broken.
func Mend(t testing.TB, dir string) {
	t.Helper()
	device, fstype := mounted(t, dir)
	image := filepath.Join(filepath.Dir(dir), "image")
	end := time.Now().Add(mendLimit)
	err := unix.Unmount(dir, 0)
	for ; errors.Is(err, unix.EBUSY) && time.Now().Before(end); err = unix.Unmount(dir, 0) {
		time.Sleep(2 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("unmount %s: %v", dir, err)
	}
	// The kernel frees the device with its last user; until then the image would be the file
	// system that was shut down.
	for {
		backing, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(device), "loop/backing_file"))
		if err != nil || strings.TrimSpace(string(backing)) != image {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s is still in use", device)
		}
		time.Sleep(2 * time.Millisecond)
	}
	run(t, "mount", "-t", fstype, "-o", "loop,noatime", image, dir)
}
