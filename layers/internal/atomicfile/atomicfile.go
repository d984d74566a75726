// Package atomicfile replaces small files so that at any time a reader finds the
// whole old or the whole new content; with Write also after a power cut. Writers
// of one file may run at once: one of them wins, nothing is mixed.
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
	err := replace(path, data, perm, (*os.File).Sync)
	if err == nil {
		var d *os.File
		if d, err = os.Open(filepath.Dir(path)); err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// WriteUnsynced is Write without waiting for the disk, for what can be made again:
// a power cut soon after may leave the old content, the new or an empty file.
func WriteUnsynced(path string, data []byte, perm fs.FileMode) error {
	if err := replace(path, data, perm, func(*os.File) error { return nil }); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(path string, data []byte, perm fs.FileMode, sync func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), TempPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = sync(f)
	}
	// A close that fails may be a write that failed.
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
