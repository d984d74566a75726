package space

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fileSystem is the identity of a file system: places on different ones are different,
// whatever their numbers. On Btrfs each subvolume has a device number of its own, and the
// file system has another name (linux/btrfs.h, struct btrfs_ioctl_fs_info_args).
func fileSystem(f *os.File) (string, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return "", err
	}
	if fs.Type == unix.BTRFS_SUPER_MAGIC {
		var info struct {
			_    [2]uint64
			uuid [16]byte
			_    [992]byte
		}
		const iocFsInfo = 0x8400941f
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), iocFsInfo, uintptr(unsafe.Pointer(&info)))
		if errno == 0 {
			return fmt.Sprintf("%x", info.uuid), nil
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("device %x", st.Dev), nil
}

func fileSystemOf(dir string) (string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return fileSystem(f)
}
