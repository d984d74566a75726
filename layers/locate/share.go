package locate

import (
	"errors"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Shares reports whether files in the directory dir can share data with the files of
// a store. Within one mount there is no question, and between two file systems
// neither. Several mounts of one are tried, by cloning a file of the store's: since
// Linux 5.18 that works (fs/remap_range.c). Where nothing can be written to dir, one
// file system is taken for enough.
func Shares(store, dir string) bool {
	if one, known := sameMount(store, dir); one || !known {
		return one
	}
	a, erra := fileSystem(store)
	b, errb := fileSystem(dir)
	return erra == nil && errb == nil && a == b && tryClone(store+"/version", dir)
}

// SameMount tells whether two paths, or what exists of them, are on one mount.
// Device numbers would not do: each Btrfs subvolume has its own.
func SameMount(a, b string) bool {
	one, _ := sameMount(Existing(a), Existing(b))
	return one
}

// sameMount reports false for known where a path cannot be looked at. Before Linux 5.8
// one file system counts as one mount.
func sameMount(a, b string) (one, known bool) {
	var x, y unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, a, unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &x) != nil ||
		unix.Statx(unix.AT_FDCWD, b, unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &y) != nil {
		return false, false
	}
	if x.Mask&y.Mask&unix.STATX_MNT_ID != 0 {
		return x.Mnt_id == y.Mnt_id, true
	}
	p, errp := fileSystem(a)
	q, errq := fileSystem(b)
	return p == q && errp == nil && errq == nil, true
}

// fileSystem is what the kernel calls the file system that path is on.
func fileSystem(path string) (id [16]byte, err error) {
	if id, ok := btrfsID(path); ok {
		return id, nil
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return id, err
	}
	for i := range 8 {
		id[i] = byte(st.Dev >> (8 * i))
	}
	return id, nil
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

// Existing is the nearest ancestor of path that is there, path included.
func Existing(path string) string {
	var st unix.Stat_t
	for path != "" && path != "/" && unix.Stat(path, &st) != nil {
		path = path[:max(1, strings.LastIndexByte(path, '/'))]
	}
	return path
}
