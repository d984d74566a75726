package btrfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
)

// Delete destroys the subvolume. For an unprivileged caller, on a mount without
// the option user_subvol_rm_allowed, it removes file by file instead, which costs time
// for each (about 0.7 s for 16,000). The space comes back later, when the file system's
// cleaner has run. A subvolume that is also mounted elsewhere, with the option subvol=,
// is deleted all the same, as the kernel permits (Linux 6.18).
func (*Driver) Delete(ctx context.Context, tree string) error {
	tree = filepath.Clean(tree)
	err := ctx.Err()
	if err == nil {
		err = driver.CheckRemovable(tree)
	}
	if err == nil {
		if isSubvolume(tree) {
			err = deleteSubvolume(tree)
		} else {
			err = removeDir(tree)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete tree %s: %w", tree, err)
	}
	return nil
}

// Destroy is one ioctl, for which the kernel keeps metadata in reserve: it succeeds on
// a file system without room for so much as another name (Linux 6.18).
func (*Driver) Destroy(ctx context.Context, tree string) error {
	err := ctx.Err()
	if err == nil {
		err = driver.CheckRemovable(tree)
	}
	if err == nil {
		err = destroy(tree)
	}
	if err != nil {
		return fmt.Errorf("destroy tree %s: %w", tree, err)
	}
	return nil
}

// deleteSubvolume tries what is quick and gives way to what the kernel answers:
// ENOTEMPTY for a subvolume with subvolumes inside, EROFS for a read-only one of
// an unprivileged caller, EPERM or EACCES without the mount option. Only an
// unprivileged caller pays for making it writable first, a transaction commit.
func deleteSubvolume(path string) error {
	err := destroy(path)
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return nil
	case !oneOf(err, unix.ENOTEMPTY, unix.EROFS, unix.EPERM, unix.EACCES):
		return err
	}
	if err := clearReadOnly(path); err != nil {
		return err
	}
	if oneOf(err, unix.ENOTEMPTY) {
		// If this cannot see or delete some of them, the walk below may.
		err = deleteNested(path)
	}
	if err == nil || oneOf(err, unix.EROFS) {
		err = destroy(path)
	}
	if oneOf(err, unix.ENOTEMPTY, unix.EPERM, unix.EACCES) {
		// An empty subvolume goes with rmdir (Linux 4.18 and later).
		return removeDir(path)
	}
	return err
}

func oneOf(err error, errnos ...unix.Errno) bool {
	return slices.ContainsFunc(errnos, func(e unix.Errno) bool { return errors.Is(err, e) })
}

// deleteNested deletes the subvolumes right inside the subvolume path.
func deleteNested(path string) error {
	names, err := nested(path)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := deleteSubvolume(filepath.Join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// removeDir removes an ordinary directory, or a writable subvolume that cannot be
// destroyed, with everything in it. Subvolumes in it are looked for only if they
// turn out to be in the way, which needs them to be read-only.
func removeDir(path string) error {
	err := driver.RemoveAll(path)
	if !oneOf(err, unix.EROFS, unix.ENOTEMPTY, unix.EPERM) {
		return err
	}
	var inside []string
	filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && p != path && d.IsDir() && isSubvolume(p) {
			inside = append(inside, p)
		}
		return nil
	})
	if len(inside) == 0 {
		return err
	}
	for _, p := range slices.Backward(inside) { // children first
		if err := deleteSubvolume(p); err != nil {
			return err
		}
	}
	return driver.RemoveAll(path)
}
