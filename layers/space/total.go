package space

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Total is the size of the file system that dir lies on, in bytes.
func Total(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("find size of the disk of %s: %w", dir, err)
	}
	return int64(st.Blocks) * st.Bsize, nil
}
