// Package removal removes what may not be there, or what its owner may not list. It keeps
// no state, and may be used from anywhere at once.
package removal

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// File removes a file, or an empty directory. One that is missing is no error.
func File(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

// All removes something with all in it, also directories that their owner may not list or
// write to. What is missing is no error. No link is followed.
func All(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	openUp(path)
	return os.RemoveAll(path)
}
