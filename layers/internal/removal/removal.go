// Package removal removes what may not be there, or what its owner may not list. It keeps
// no state, and may be used from anywhere at once.
package removal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
// write to. What is missing is no error.
func All(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(p, 0o700) // what cannot be changed shows below
		}
		return nil
	})
	return os.RemoveAll(path)
}
