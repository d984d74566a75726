// Package lastuse remembers when a layer was last used: the time of an empty file
// named for it.
//
// It is advice for choosing what to remove. A stamp that is lost, or could not be
// written, means that nothing is known, and nobody waits for the disk. The
// functions may be called by any number of goroutines and processes at once; of
// several stamps written at once one wins.
package lastuse

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Interval is the shortest time between two writes for one layer, and so how far
// a stamp may lag behind. Who removes by last use counts in days, and in hours at
// the shortest; who makes ten worktrees at once writes once.
const Interval = 5 * time.Minute

// Stamp notes in the directory dir, which is made if it is not there, that id was
// used at now. A stamp less than Interval away stays; one that lies further ahead,
// since the clock was set back, is corrected.
func Stamp(dir, id string, now time.Time) error {
	path, err := file(dir, id)
	if err != nil {
		return err
	}
	fi, err := os.Lstat(path)
	switch {
	case err == nil && now.Sub(fi.ModTime()).Abs() < Interval:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		err = create(path)
	}
	if err == nil {
		err = os.Chtimes(path, time.Time{}, now)
	}
	if err != nil {
		return fmt.Errorf("note use of %s: %w", id, err)
	}
	return nil
}

func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Read returns when id was last used, as far as dir tells; the zero time when it
// does not.
func Read(dir, id string) time.Time {
	path, err := file(dir, id)
	if err != nil {
		return time.Time{}
	}
	fi, err := os.Lstat(path)
	if err != nil || !fi.Mode().IsRegular() {
		return time.Time{}
	}
	return fi.ModTime()
}

// Forget removes the stamp of id. That there is none is no error.
func Forget(dir, id string) error {
	path, err := file(dir, id)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget use of %s: %w", id, err)
	}
	return nil
}

func file(dir, id string) (string, error) {
	if id == "" || id == "." || id == ".." || strings.ContainsAny(id, "/\x00") {
		return "", fmt.Errorf("last use of %q: not a file name", id)
	}
	return filepath.Join(dir, id), nil
}
