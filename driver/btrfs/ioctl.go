//go:build amd64 || arm64 || riscv64 || loong64

package btrfs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The numbers and layouts of linux/btrfs.h on the architectures of the build
// line; some others encode the direction of an ioctl differently.
const (
	iocSubvolCreate     = 0x5000940e
	iocSnapDestroy      = 0x5000940f
	iocSnapCreateV2     = 0x50009417
	iocInoLookupUser    = 0xd000943e
	iocGetSubvolRootref = 0xd000943d
	iocGetFlags         = 0x80089419
	iocSetFlags         = 0x4008941a

	subvolReadOnly = 1 << 1 // of GETFLAGS, SETFLAGS and SNAP_CREATE_V2

	firstFreeObjectID = 256 // the inode number of each subvolume's root
)

// struct btrfs_ioctl_vol_args
type volArgs struct {
	fd   int64
	name [4088]byte
}

// struct btrfs_ioctl_vol_args_v2
type volArgsV2 struct {
	fd      int64
	transID uint64
	flags   uint64
	_       [4]uint64
	name    [4040]byte
}

// struct btrfs_ioctl_get_subvol_rootref_args
type rootrefArgs struct {
	minID uint64
	refs  [255]struct{ id, dirID uint64 }
	num   uint8
	_     [7]byte
}

// struct btrfs_ioctl_ino_lookup_user_args
type inoLookupUserArgs struct {
	dirID uint64
	id    uint64
	name  [256]byte
	path  [3824]byte
}

// isSubvolume reports whether path is the root of a subvolume; a symbolic link to one is none.
func isSubvolume(path string) bool {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Ino != firstFreeObjectID {
		return false
	}
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Type == unix.BTRFS_SUPER_MAGIC
}

// createSubvolume is BTRFS_IOC_SUBVOL_CREATE. The name was looked at by checkNew.
func createSubvolume(path string) error { return onName(path, iocSubvolCreate, "create subvolume") }

// destroy is BTRFS_IOC_SNAP_DESTROY.
func destroy(path string) error { return onName(path, iocSnapDestroy, "destroy subvolume") }

// onName has the directory around path do what a request says with the name of path; op is what that is called.
func onName(path string, request uintptr, op string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	var args volArgs
	copy(args.name[:len(args.name)-1], filepath.Base(path))
	if err := ioctl(dir, request, unsafe.Pointer(&args)); err != nil {
		return &os.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// snapshotSubvolume is BTRFS_IOC_SNAP_CREATE_V2. The name was looked at by checkNew.
func snapshotSubvolume(path, from string, readOnly bool) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	args := volArgsV2{fd: int64(source.Fd())}
	if readOnly {
		args.flags = subvolReadOnly
	}
	copy(args.name[:len(args.name)-1], filepath.Base(path))
	if err := ioctl(dir, iocSnapCreateV2, unsafe.Pointer(&args)); err != nil {
		return &os.PathError{Op: "create snapshot", Path: path, Err: err}
	}
	return nil
}

// clearReadOnly makes the subvolume writable, for deletion only: this is not the
// inverse of sealing.
func clearReadOnly(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var flags uint64
	err = ioctl(f, iocGetFlags, unsafe.Pointer(&flags))
	if err == nil && flags&subvolReadOnly != 0 {
		flags &^= subvolReadOnly
		err = ioctl(f, iocSetFlags, unsafe.Pointer(&flags))
	}
	if err != nil {
		return &os.PathError{Op: "make subvolume writable", Path: path, Err: err}
	}
	return nil
}

// nested returns the paths, relative to the subvolume path, of the subvolumes
// right inside it, at any depth of directories. A user who may not search a
// directory on the way gets EACCES.
func nested(path string) ([]string, error) {
	paths, hidden, err := inside(path)
	if err == nil {
		err = hidden
	}
	if err != nil {
		return nil, err
	}
	return paths, nil
}

// inside is nested for as many as the caller may know the names of; hidden is why
// others have none, nil if there are no others.
func inside(path string) (paths []string, hidden, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	var args rootrefArgs
	for {
		err := ioctl(f, iocGetSubvolRootref, unsafe.Pointer(&args))
		more := errors.Is(err, unix.EOVERFLOW) // there are more than fit; minID is set to go on
		if err != nil && !more {
			return nil, nil, &os.PathError{Op: "list subvolumes in", Path: path, Err: err}
		}
		for _, ref := range args.refs[:args.num] {
			lookup := inoLookupUserArgs{dirID: ref.dirID, id: ref.id}
			err := ioctl(f, iocInoLookupUser, unsafe.Pointer(&lookup))
			switch {
			case err == nil:
				paths = append(paths, filepath.Join(cString(lookup.path[:]), cString(lookup.name[:])))
			case errors.Is(err, unix.ENOENT): // deleted meanwhile
			default:
				hidden = &os.PathError{Op: "name subvolumes in", Path: path, Err: err}
			}
		}
		if !more {
			return paths, hidden, nil
		}
	}
}

func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

func ioctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}
