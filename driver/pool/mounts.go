package pool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/reflink/mounts"
)

// mountedAt finds the Btrfs that is mounted at a place.
func mountedAt(place string) (mounts.Mount, bool) {
	table, err := mounts.Table()
	if err != nil {
		return mounts.Mount{}, false
	}
	m, ok := mounts.At(table, place)
	return m, ok && m.Type == "btrfs"
}

// isDirect reports whether a loop device passes the host's page cache by.
func isDirect(device string) bool {
	text, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(device), "loop/dio"))
	return err == nil && strings.TrimSpace(string(text)) == "1"
}

// sector is the block size of the loop device: that of ext4 and XFS, without which they refuse
// to be passed by.
const sector = 4096

// maxDevices bounds how often a free loop device is looked for: between being told of one and
// taking it, another process may be quicker.
const maxDevices = 64

// attach has a free loop device stand for an image, past the host's page cache if that can be
// (a sync takes 50 ms then instead of 600 to 1,200, and no memory is taken twice). The kernel
// frees it with its last user, so what is returned is to be kept open until it is mounted.
func attach(image string) (*os.File, error) {
	failed := func(err error) (*os.File, error) { return nil, fmt.Errorf("attach %s: %w", image, err) }
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return failed(err)
	}
	defer control.Close()
	file, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return failed(err)
	}
	defer file.Close()
	for range maxDevices {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return failed(err)
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return failed(err)
		}
		config := unix.LoopConfig{Fd: uint32(file.Fd()), Size: sector}
		config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO
		copy(config.Info.File_name[:len(config.Info.File_name)-1], image)
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return device, nil
		}
		if err = errors.Join(err, device.Close()); !errors.Is(err, unix.EBUSY) {
			return failed(err)
		}
	}
	return failed(unix.EBUSY)
}

// mount mounts an image at the pool's place.
func (p Pool) mount(image string) error {
	device, err := attach(image)
	if err != nil {
		return err
	}
	defer device.Close()
	flags, data := flagsOf(Options)
	if err := unix.Mount(device.Name(), p.Mount, "btrfs", flags, data); err != nil {
		return fmt.Errorf("mount %s at %s: %w", image, p.Mount, err)
	}
	return nil
}

// flagsOf are the options that mount(2) takes as flags, and the rest.
func flagsOf(options string) (flags uintptr, data string) {
	var rest []string
	for o := range strings.SplitSeq(options, ",") {
		switch o {
		case "noatime":
			flags |= unix.MS_NOATIME
		case "nodev":
			flags |= unix.MS_NODEV
		case "nosuid":
			flags |= unix.MS_NOSUID
		default:
			rest = append(rest, o)
		}
	}
	return flags, strings.Join(rest, ",")
}
