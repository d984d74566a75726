package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/reflink/mounts"
)

// RemoveAll removes the directory path with all in it, also directories without
// write permission for their owner, which [os.RemoveAll] leaves (some build
// scripts make such). It is for drivers and for callers with a directory that no
// driver made. A path that does not exist is no error.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	openUp(path) // what cannot be changed shows when the removal is tried again
	return os.RemoveAll(path)
}

// openUp gives the owner of a directory, and of those in it, every right that is lacking.
// It goes from one open directory to the next: where somebody puts a link in the place of
// one meanwhile, what that leads to stays as it is.
func openUp(path string) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	// The directory itself may be one that cannot be opened to be read.
	same := filepath.Join("/proc/self/fd", strconv.Itoa(fd))
	if info, err := os.Stat(same); err == nil && info.Mode().Perm()&0o700 != 0o700 {
		_ = os.Chmod(same, 0o700)
	}
	root, err := os.OpenRoot(same)
	if err != nil {
		return
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		// It is called first for each directory before that is read, then again with
		// err if reading failed.
		if err == nil && d.IsDir() {
			if info, err := root.Lstat(name); err == nil && info.Mode().Perm()&0o700 != 0o700 {
				_ = root.Chmod(name, 0o700)
			}
		}
		return nil
	})
}

// CheckRemovable returns nil if path is a directory that contains no mount point
// and is none, an error matching ErrNotTree or ErrBusy if it is not so, and one
// matching [io/fs.ErrNotExist] if there is nothing. Drivers ask it before they
// delete: neither removing files one by one nor destroying a subvolume is stopped
// by the kernel at a mount point (Linux 6.18).
func CheckRemovable(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: %w", path, ErrNotTree)
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return err
	}
	table, err := mounts.Table()
	if err != nil {
		return err
	}
	for _, m := range table {
		if m.Point == real || strings.HasPrefix(m.Point, strings.TrimSuffix(real, "/")+"/") {
			return fmt.Errorf("%s: %w", m.Point, ErrBusy)
		}
	}
	return nil
}
