package reflink

import (
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/reflink/mounts"
)

// hostReserve is what is left free, in bytes, on a disk that a file system lies on as a file. Where that is full, it is not
// the copy that fails but the whole file system, with all that others write to it: it turns read-only. Btrfs writes up to
// 1 GiB between two commits here.
const hostReserve = 1 << 30

// sector is the largest unit, in bytes, that the size of a loop device is rounded down to.
const sector = 4096

// Free is how many bytes the user may still write below dir, or below the directory it is to be made in. A file system in a
// file that grows as it is written to has no more than the disk under it; hostReserve stays there.
func Free(dir string) (int64, error) {
	st, err := statfs(dir)
	if err != nil {
		return 0, err
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	if host, ok := underneath(existing(dir)); ok {
		free = min(free, max(0, int64(host.Bavail)*int64(host.Bsize)-hostReserve))
	}
	return free, nil
}

// underneath is the file system under that of a directory, if that lies in a file which still grows. A name that leads to
// another file, as it may in a container, is not followed.
func underneath(dir string) (host *unix.Statfs_t, ok bool) {
	m, err := mounts.Of(dir)
	if err != nil {
		return nil, false
	}
	name, size := m.Backing(), m.Size()
	if name == "" || strings.HasSuffix(name, " (deleted)") {
		return nil, false
	}
	var image unix.Stat_t
	if unix.Stat(name, &image) != nil || image.Mode&unix.S_IFMT != unix.S_IFREG || image.Size/sector != size/sector || image.Blocks*512 >= size {
		return nil, false
	}
	host, err = statfs(name)
	return host, err == nil && host.Blocks > 0 // what is served by a program need not tell how large it is
}

// statfs asks of dir, or of the directory that it is to be made in.
func statfs(dir string) (*unix.Statfs_t, error) {
	var st unix.Statfs_t
	dir = existing(dir)
	if err := unix.Statfs(dir, &st); err != nil {
		return nil, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return &st, nil
}
