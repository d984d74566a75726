package scratch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// Types of file systems that MakeOf makes.
const (
	Btrfs = "btrfs"
	XFS   = "xfs"
	Ext4  = "ext4"
)

// What a file system of each type is made and mounted with. mkfs.xfs would go by the file system that the image lies on.
var types = map[string]struct {
	mkfs    []string
	options string
}{
	Btrfs: {options: "user_subvol_rm_allowed"},
	XFS:   {mkfs: []string{"-s", fmt.Sprint("size=", sector)}},
	Ext4:  {},
}

// sector is the size, in bytes, of the loop devices'.
const sector = 4096

// mountImage puts a new file system at dir, in an image file that lies at path until it is mounted.
func mountImage(ctx context.Context, fstype, path string, size int64, dir string) error {
	if os.Geteuid() != 0 {
		return errors.New("mounting a loop image needs root")
	}
	of, ok := types[fstype]
	if !ok {
		return fmt.Errorf("make a file system of type %q: there is none", fstype)
	}
	mkfs, err := exec.LookPath("mkfs." + fstype)
	if err != nil {
		return fmt.Errorf("make %s: %w", fstype, err)
	}
	image, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make image: %w", err)
	}
	defer image.Close()
	// The mounted image needs no name, and without one nothing of it survives this process and the mount.
	defer os.Remove(path)
	if err := image.Truncate(size); err != nil {
		return fmt.Errorf("make image: %w", err)
	}
	if out, err := exec.CommandContext(ctx, mkfs, append(of.mkfs, "-q", path)...).CombinedOutput(); err != nil {
		return fmt.Errorf("make %s: %w: %s", fstype, err, strings.TrimSpace(string(out)))
	}
	device, err := attach(image)
	if err != nil {
		return fmt.Errorf("attach loop device: %w", err)
	}
	// Detached by the kernel when the last user, which is the mount, lets go.
	defer device.Close()
	const flags = unix.MS_NOATIME | unix.MS_NODEV | unix.MS_NOSUID
	if err := unix.Mount(device.Name(), dir, fstype, flags, of.options); err != nil {
		return fmt.Errorf("mount %s: %w", fstype, err)
	}
	return nil
}

// attach makes image a block device that goes away with its last user.
func attach(image *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	// Between asking for a free device and taking it, another process may take it.
	for range 100 {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		config := unix.LoopConfig{Fd: uint32(image.Fd()), Size: sector}
		// Direct I/O avoids caching each page twice; not every file system below can do it.
		for _, direct := range []uint32{unix.LO_FLAGS_DIRECT_IO, 0} {
			config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR | direct
			if err = unix.IoctlLoopConfigure(int(device.Fd()), &config); !errors.Is(err, unix.EINVAL) {
				break
			}
		}
		if err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) {
			return nil, err
		}
	}
	return nil, unix.EBUSY
}
