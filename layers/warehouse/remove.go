package warehouse

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
)

// asideName is a name of nobody's beside a path.
func asideName(path string) string {
	return atomicfile.TempName(path)
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// unchanged is for takeAway: the file is as old as it was.
func unchanged(since time.Time) func(string, fs.FileInfo) bool {
	return func(_ string, info fs.FileInfo) bool { return info.ModTime().Equal(since) }
}

// removeIf removes a file for which still holds. Between a look at a file and its
// removal another process may replace or claim it, so the file takes a name of
// nobody's first; there still is asked, and if it says no the file goes back. Killed
// in between, it is what a writer's death leaves, and is compiled again.
func (w *Warehouse) removeIf(path string, still func(away string, info fs.FileInfo) bool) (removed bool, err error) {
	away := asideName(path)
	err = os.Rename(path, away)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case isFull(err):
		// A new name may take space that there is not; a removal needs none.
		info, err := os.Lstat(path)
		if err != nil || !still(path, info) {
			return false, nil
		}
		return true, os.Remove(path)
	case err != nil:
		return false, fmt.Errorf("remove %s: %w", path, err)
	}
	info, err := os.Lstat(away)
	gone := err == nil && still(away, info)
	if err == nil && !gone {
		// Not over what has come to the path meanwhile, where that can be helped.
		if err = os.Link(away, path); err != nil && !errors.Is(err, fs.ErrExist) {
			err = os.Rename(away, path)
		} else {
			err = os.Remove(away)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // another sweep took it for what a writer has left
	}
	if err != nil || !gone {
		return false, err
	}
	if err := os.Remove(away); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, errors.Join(fmt.Errorf("remove %s: %w", path, err), os.Rename(away, path))
	}
	return true, nil
}
