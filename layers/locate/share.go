package locate

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Shares reports whether files in the directory dir can share data with the files of
// a store. Within one mount there is no question, and between two file systems
// neither. Several mounts of one are tried, by cloning a file of the store's: since
// Linux 5.18 that works (fs/remap_range.c). Where nothing can be written to dir, one
// file system is taken for enough.
func Shares(store, dir string) bool {
	a, erra := where(store)
	b, errb := where(dir)
	switch {
	case erra != nil || errb != nil:
		return false
	case a.mount == b.mount && a.hasMount && b.hasMount:
		return true
	case a.fs != b.fs:
		return false
	}
	return tryClone(store+"/version", dir)
}

// SameMount tells whether two paths, or what exists of them, are on one mount.
// Device numbers would not do: each Btrfs subvolume has its own.
func SameMount(a, b string) bool {
	x, errx := where(Existing(a))
	y, erry := where(Existing(b))
	if errx != nil || erry != nil {
		return false
	}
	if x.hasMount && y.hasMount {
		return x.mount == y.mount
	}
	return x.fs == y.fs
}

type position struct {
	mount    uint64
	hasMount bool // Linux 5.8
	fs       [16]byte
}

// where says on which mount, and of which file system, path is.
func where(path string) (p position, err error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &st); err != nil {
		return p, err
	}
	p.mount, p.hasMount = st.Mnt_id, st.Mask&unix.STATX_MNT_ID != 0
	if id, ok := btrfsID(path); ok {
		p.fs = id
		return p, nil
	}
	for i, n := range []uint32{st.Dev_major, st.Dev_minor} {
		for j := range 4 {
			p.fs[4*i+j] = byte(n >> (8 * j))
		}
	}
	return p, nil
}

// btrfsID is the id of the Btrfs that path is on: each of its subvolumes has a device
// number, and a statfs(2) id, of its own.
func btrfsID(path string) (id [16]byte, ok bool) {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil || uint32(st.Type) != unix.BTRFS_SUPER_MAGIC {
		return id, false
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return id, false
	}
	defer unix.Close(fd)
	// BTRFS_IOC_FS_INFO and struct btrfs_ioctl_fs_info_args of linux/btrfs.h.
	const iocFsInfo = 0x8400941f
	var args struct {
		maxID, numDevices uint64
		fsid              [16]byte
		_                 [992]byte
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), iocFsInfo, uintptr(unsafe.Pointer(&args))); errno != 0 {
		return id, false
	}
	return args.fsid, true
}

// tryClone clones a file into a nameless one: a directory in which a name comes and
// goes has changed, which cargo may look at.
func tryClone(file, dir string) bool {
	src, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(src)
	dst, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return true
	}
	defer unix.Close(dst)
	for {
		err = unix.IoctlFileClone(dst, src)
		if err != unix.EINTR {
			break
		}
	}
	for _, no := range []error{unix.EXDEV, unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS} {
		if errors.Is(err, no) {
			return false
		}
	}
	return true // what else is wrong is wrong with these two files
}
