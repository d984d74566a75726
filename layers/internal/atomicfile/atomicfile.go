// Package atomicfile replaces small files so that at any time, also after a
// power cut, a reader finds the whole old or the whole new content. Writers of
// one file may run at once: one of them wins, nothing is mixed.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// TempPrefix begins the names of the files that Write puts beside its path while
// it runs. Left over after a crash, they are garbage.
const TempPrefix = ".tmp-"

// Write makes data the content of the file path, with exactly the permissions
// perm, and is durable on return. On an error before the rename path is what it
// was; if only the last step failed, the sync of the directory, it is new already.
func Write(path string, data []byte, perm fs.FileMode) error {
	if err := write(path, data, perm); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func write(path string, data []byte, perm fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, TempPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.Sync()
	}
	// A close that fails may be a write that failed.
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
