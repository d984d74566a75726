package paths

import (
	"errors"
	"io/fs"
	"os"
)

// File removes a file that may be missing.
func File(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !IsNotDir(err) {
		return err
	}
	return nil
}
