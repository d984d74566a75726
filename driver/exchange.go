package driver

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix" // the standard library has no renameat2
)

// Exchange swaps the names of a and b in one step and makes that durable: at
// any time, also after a power cut, both names stand for something whole.
//
// On Btrfs a subvolume and an ordinary directory must lie in the same parent
// subvolume, two subvolumes may lie anywhere on one mount, and a read-only
// subvolume cannot leave its directory; otherwise the error matches EXDEV or
// EROFS (Linux 6.12, fs/btrfs/inode.c:btrfs_rename_exchange, fs/namei.c:vfs_rename).
// An error that is not a rename's comes from the final sync: the names have been
// exchanged then, but perhaps not durably; [NotDurable] tells.
func Exchange(a, b string) error {
	if err := renameat2(a, b, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchange %s and %s: %w", a, b, err)
	}
	return syncParents(a, b)
}

// Publish gives tmp the name final and makes that durable. It fails with an error
// matching [io/fs.ErrExist] if the name is taken, and as Exchange does otherwise.
// It does not sync what lies in tmp.
func Publish(tmp, final string) error {
	if err := renameat2(tmp, final, unix.RENAME_NOREPLACE); err != nil {
		return fmt.Errorf("publish %s as %s: %w", tmp, final, err)
	}
	return syncParents(tmp, final)
}

// NotDurable is returned by Exchange and Publish when the rename has happened
// but could not be made durable.
type NotDurable struct{ Err error }

func (e *NotDurable) Error() string { return "make rename durable: " + e.Err.Error() }
func (e *NotDurable) Unwrap() error { return e.Err }

func renameat2(from, to string, flags uint) error {
	for {
		err := unix.Renameat2(unix.AT_FDCWD, filepath.Clean(from), unix.AT_FDCWD, filepath.Clean(to), flags)
		if err != unix.EINTR {
			return err
		}
	}
}

func syncParents(a, b string) error {
	dirA, dirB := filepath.Dir(filepath.Clean(a)), filepath.Dir(filepath.Clean(b))
	err := syncDir(dirB)
	if err == nil && dirA != dirB {
		err = syncDir(dirA)
	}
	if err != nil {
		return &NotDurable{err}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
