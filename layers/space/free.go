package space

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Free is what the user may still write to the file system of a directory.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("find free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// Total is the size of the file system that dir lies on, in bytes.
func Total(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("find size of the disk of %s: %w", dir, err)
	}
	return int64(st.Blocks) * st.Bsize, nil
}
