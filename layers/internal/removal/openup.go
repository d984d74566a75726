package removal

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// openUp gives the owner of a directory, and of those in it, every right. It goes from
// one open directory to the next: where somebody puts a link in the place of one
// meanwhile, what that leads to stays as it is. What cannot be changed shows when it is
// removed.
func openUp(path string) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	// The directory itself may be one that cannot be opened to be read.
	same := filepath.Join("/proc/self/fd", strconv.Itoa(fd))
	_ = os.Chmod(same, 0o700)
	root, err := os.OpenRoot(same)
	if err != nil {
		return
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		// It is called first for each directory before that is read, then again with
		// err if reading failed.
		if err == nil && d.IsDir() {
			_ = root.Chmod(name, 0o700)
		}
		return nil
	})
}
