package mounts

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Table is what is mounted in this process's namespace, in the order of the mounts.
func Table() ([]Mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read what is mounted: %w", err)
	}
	table, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("read what is mounted: %w", err)
	}
	return table, nil
}

// Of is the mount that a file or directory lies on. It fails with fs.ErrNotExist where that is not in the table, and on
// Linux before 5.8, which does not tell.
func Of(path string) (Mount, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_MNT_ID, &st); err != nil {
		return Mount{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	table, err := Table()
	if err != nil {
		return Mount{}, err
	}
	for _, m := range table {
		if st.Mask&unix.STATX_MNT_ID != 0 && m.ID == st.Mnt_id {
			return m, nil
		}
	}
	return Mount{}, fmt.Errorf("find the mount of %s: %w", path, fs.ErrNotExist)
}

// Backing is the file behind a loop device, as the mount's source names it, by the name it was attached with; "" of what is
// none, or does not tell. A file that was removed since has " (deleted)" behind its name.
func (m Mount) Backing() string {
	text, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(m.Source), "loop/backing_file"))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

// Size is that of the block device that is mounted, in bytes; 0 of what is none.
func (m Mount) Size() int64 {
	text, err := os.ReadFile(filepath.Join("/sys/class/block", filepath.Base(m.Source), "size"))
	if err != nil {
		return 0
	}
	sectors, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return sectors * 512 // whatever the device's own are (Linux include/linux/blk_types.h, SECTOR_SIZE)
}
