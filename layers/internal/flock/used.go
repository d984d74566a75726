package flock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// InUse reports whether anybody has the file path open, be it to hold a lock of
// either mode or to ask for one. It takes no lock, so it is in nobody's way:
// whoever opens the file meanwhile waits for microseconds in open(2). A file that
// does not exist is not in use.
//
// Two that ask at once may see each other. A file system without the leases of
// fcntl(2), such as NFS, and a user who does not own the file, are told no.
func InUse(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission) {
		return false, nil // who locks what cannot be written cannot be seen
	}
	if err != nil {
		return false, fmt.Errorf("look at lock: %w", err)
	}
	h := &Held{file: f}
	err = h.take()
	// Closing the file ends the guard.
	if closeErr := f.Close(); closeErr != nil {
		return false, fmt.Errorf("look at lock %s: %w", path, closeErr)
	}
	switch {
	case errors.Is(err, ErrLocked):
		return true, nil
	case errors.Is(err, unix.EACCES):
		return false, nil
	}
	return false, err
}
