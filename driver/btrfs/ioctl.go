//go:build amd64 || arm64 || riscv64 || loong64

package btrfs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The numbers and layouts of linux/btrfs.h on the architectures of the build
// line; some others encode the direction of an ioctl differently.
const (
	iocSync             = 0x9408
	iocSnapDestroy      = 0x5000940f
	iocInoLookupUser    = 0xd000943e
	iocGetSubvolInfo    = 0x81f8943c
	iocGetSubvolRootref = 0xd000943d
	iocGetFlags         = 0x80089419
	iocSetFlags         = 0x4008941a
	iocFsInfo           = 0x8400941f

	subvolReadOnly   = 1 << 1 // of GETFLAGS and SETFLAGS
	rootItemReadOnly = 1 << 0 // of GET_SUBVOL_INFO
)

// struct btrfs_ioctl_vol_args
type volArgs struct {
	fd   int64
	name [4088]byte
}

type timespec struct {
	sec  uint64
	nsec uint32
	_    uint32
}

// struct btrfs_ioctl_get_subvol_info_args
type subvolInfoArgs struct {
	id           uint64
	name         [256]byte
	parentID     uint64
	dirID        uint64
	generation   uint64
	flags        uint64
	uuid         [16]byte
	parentUUID   [16]byte
	receivedUUID [16]byte
	ctransid     uint64
	otransid     uint64
	stransid     uint64
	rtransid     uint64
	ctime        timespec
	otime        timespec
	stime        timespec
	rtime        timespec
	_            [8]uint64
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

// struct btrfs_ioctl_fs_info_args
type fsInfoArgs struct {
	maxID      uint64
	numDevices uint64
	fsid       [16]byte
	_          [992]byte
}

// Info is what the file system knows of a subvolume.
type Info struct {
	ID         uint64 // never used again by the file system
	Generation uint64 // of its last change
	ReadOnly   bool
	UUID       string // 32 hexadecimal digits
	ParentUUID string // of the subvolume it is a snapshot of; "" if it is none
	// ReceivedUUID is not "" for a subvolume that "btrfs receive" made. It must not
	// be made writable, since later increments are told by it.
	ReceivedUUID string
}

// Stat returns what the file system knows of the subvolume that contains path. It
// needs no privilege.
func Stat(path string) (Info, error) {
	var args subvolInfoArgs
	if err := ioctlAt(path, iocGetSubvolInfo, unsafe.Pointer(&args)); err != nil {
		return Info{}, fmt.Errorf("get subvolume info: %w", err)
	}
	return Info{
		ID: args.id, Generation: args.generation, ReadOnly: args.flags&rootItemReadOnly != 0,
		UUID: uuid(args.uuid), ParentUUID: uuid(args.parentUUID), ReceivedUUID: uuid(args.receivedUUID),
	}, nil
}

func uuid(u [16]byte) string {
	if u == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(u[:])
}

// Sync writes everything to disk, like syncfs, and also wakes the cleaner that
// gives back the space of deleted subvolumes (in 0.1 s instead of up to 30 s).
// What it gave back shows in the free space after a second Sync.
func Sync(dir string) error {
	if err := ioctlAt(dir, iocSync, nil); err != nil {
		return fmt.Errorf("sync btrfs: %w", err)
	}
	return nil
}

// SameFileSystem reports whether two paths lie on one Btrfs. Device numbers do not
// tell: each subvolume has its own.
func SameFileSystem(a, b string) (bool, error) {
	var infoA, infoB fsInfoArgs
	err := ioctlAt(a, iocFsInfo, unsafe.Pointer(&infoA))
	if err == nil {
		err = ioctlAt(b, iocFsInfo, unsafe.Pointer(&infoB))
	}
	if err != nil {
		return false, fmt.Errorf("get btrfs info: %w", err)
	}
	return infoA.fsid == infoB.fsid, nil
}

// destroy is BTRFS_IOC_SNAP_DESTROY.
func destroy(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	var args volArgs
	copy(args.name[:len(args.name)-1], filepath.Base(path))
	if err := ioctl(dir, iocSnapDestroy, unsafe.Pointer(&args)); err != nil {
		return &os.PathError{Op: "destroy subvolume", Path: path, Err: err}
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

func ioctlAt(path string, request uintptr, arg unsafe.Pointer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := ioctl(f, request, arg); err != nil {
		return &os.PathError{Op: "ioctl", Path: path, Err: err}
	}
	return nil
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
