package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrStub says that a path is a stub: what Btrfs shows in a snapshot where the
// subvolume that it is a snapshot of had another one inside. After a roll-back,
// which puts a snapshot in the place of a subvolume, each tree that lay in it is
// one. Nothing is in it, nothing can be made in it, and nothing that was in the
// tree can be reached by it; so the error matches [io/fs.ErrNotExist].
//
// Exchanging one makes the kernel abort its transaction and force the whole file
// system read-only, whoever asks: btrfs_rename_exchange looks for the inode in the
// tree around, where there is none (Linux 6.18.44, also as a user without
// privilege). An ordinary rename is refused with ENOTEMPTY (fs/btrfs/inode.c:
// btrfs_rename), and rmdir removes a stub, as btrfs_rmdir means it to.
var ErrStub = fmt.Errorf("the stub of a subvolume, left by a roll-back: %w", fs.ErrNotExist)

// stubInode is the number that all stubs have: BTRFS_EMPTY_SUBVOL_DIR_OBJECTID of
// linux/btrfs_tree.h. Elsewhere a directory may have it: the root of an ext4 does.
const stubInode = 2

// IsStub reports whether path, which is not followed if it is a symbolic link, is a
// stub. Where nothing is, there is none. It costs one system call if it is not.
func IsStub(path string) (bool, error) {
	path = filepath.Clean(path)
	var st unix.Stat_t
	for {
		err := unix.Lstat(path, &st)
		switch {
		case err == unix.EINTR:
			continue
		case errors.Is(err, fs.ErrNotExist), err == unix.ENOTDIR:
			return false, nil
		case err != nil:
			return false, &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		break
	}
	if st.Ino != stubInode || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return false, nil
	}
	var where unix.Statfs_t
	if err := unix.Statfs(path, &where); err != nil {
		return false, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	return uint32(where.Type) == unix.BTRFS_SUPER_MAGIC, nil
}

// ClearStub removes path if it is a stub, and otherwise does nothing. An error,
// where the directory around is read-only or another user's, matches ErrStub.
func ClearStub(path string) error {
	stub, err := IsStub(path)
	if err != nil || !stub {
		return err
	}
	// Of everything that is not empty, and of nothing else, the kernel refuses it.
	if err := unix.Rmdir(filepath.Clean(path)); err != nil && err != unix.ENOENT {
		return fmt.Errorf("%w: %w", ErrStub, &fs.PathError{Op: "rmdir", Path: filepath.Clean(path), Err: err})
	}
	return nil
}

// CheckDir returns nil if path is a directory, and an error matching ErrStub,
// ErrNotTree or [io/fs.ErrNotExist] if it is none. Drivers ask it of what they clone.
func CheckDir(path string) error {
	if stub, err := IsStub(path); err != nil {
		return err
	} else if stub {
		return ErrStub
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return ErrNotTree
	}
	return nil
}

// MakeDirs makes the directory path and all above it that are lacking, as
// [os.MkdirAll] does. A stub on the way is taken for lacking.
func MakeDirs(path string, mode os.FileMode) error {
	top := filepath.Clean(path)
	for {
		_, err := os.Stat(top)
		if err == nil || top == filepath.Dir(top) {
			break
		}
		top = filepath.Dir(top)
	}
	// A link may lead to one.
	if real, err := filepath.EvalSymlinks(top); err == nil {
		stub, err := IsStub(real)
		if err != nil {
			return err
		}
		if stub {
			if err := ClearStub(real); err != nil {
				return err
			}
			if err := os.MkdirAll(real, mode); err != nil {
				return err
			}
		}
	}
	return os.MkdirAll(path, mode)
}

// notStub returns an error matching ErrStub if path is a stub.
func notStub(path string) error {
	stub, err := IsStub(path)
	if err == nil && stub {
		err = fmt.Errorf("%s: %w", path, ErrStub)
	}
	return err
}
