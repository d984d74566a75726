package reflink

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cloneOpen makes the content of the empty file dst that of src.
func cloneOpen(dst, src int) error {
	for {
		if err := unix.IoctlFileClone(dst, src); err != unix.EINTR {
			return err
		}
	}
}

// clonesOpen: an open file can be made a clone of another. clonesNames: a new file can.
const clonesOpen, clonesNames = true, false

func cloneName(dir int, name string, src int) error { return unix.ENOSYS }

// cloneWhole clones a directory with all that is in it, where that is to be had.
var cloneWhole func(dst, src string) error

// canShare reports whether files can be cloned where the empty file dst is, which is open for
// reading, too; if it is not, that they can. A file of nothing that becomes a clone of itself
// stays what it is.
func canShare(dst int) bool {
	return judge(cloneOpen(dst, dst)) != unsupported
}

// setTimesOpen gives an open file the times of st, without a look at its name.
func setTimesOpen(fd, _ int, _ string, st *unix.Stat_t) error {
	times := [2]unix.Timespec{st.Atim, st.Mtim}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// takesWhatItHolds: each byte of data in files takes one on the disk.
func takesWhatItHolds(st *unix.Statfs_t) bool {
	return st.Type == unix.EXT4_SUPER_MAGIC || st.Type == unix.TMPFS_MAGIC
}

// flush waits until what was done in the file system of dir, or of the directory it is to be
// in, is on the disk.
func flush(dir string) error {
	fd, err := openAt(unix.AT_FDCWD, existing(dir), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Syncfs(fd)
}

// judge knows the errors of FICLONE on Linux 6.18 (Btrfs, XFS, ext4, overlayfs,
// tmpfs, measured) and those the sources of NFS and ZFS give. EINVAL: without
// copy-on-write, or on another device of the same XFS. EAGAIN: ZFS, source not
// yet written. ETXTBSY: swap file. EPERM: immutable or append-only.
func judge(err error) verdict {
	for _, e := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS, unix.EXDEV} {
		if errors.Is(err, e) {
			return unsupported
		}
	}
	for _, e := range []error{unix.EINVAL, unix.EAGAIN, unix.ETXTBSY, unix.EPERM} {
		if errors.Is(err, e) {
			return copyThis
		}
	}
	return fatal
}

// copyInKernel copies at most n bytes at at, and returns how many.
func copyInKernel(dst, src int, at, n int64) (int64, error) {
	to := at
	done, err := again(func() (int, error) { return unix.CopyFileRange(src, &at, dst, &to, int(n), 0) })
	return int64(done), err
}

// onlyToEnter opens a directory for what is in it; unused has no access time noted.
const onlyToEnter, unused = unix.O_PATH, unix.O_NOATIME
