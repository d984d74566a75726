package builddir

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
)

// A LinkCutter keeps what is written into a copy of a build directory, and what is
// removed from it, within that copy. Where a directory of Cargo's is a symbolic link, it
// leads to what other copies have in common, or to somebody's files. So the link is
// removed: then the units behind it are not there, and Cargo builds them.
//
// It may be used by several goroutines. Nobody else changes the copy meanwhile.
type LinkCutter struct {
	dir  string
	mu   sync.Mutex
	seen map[string]bool // guarded by mu: directories that are none, or not there
}

// NewLinkCutter returns the LinkCutter of a copy.
func NewLinkCutter(dir string) *LinkCutter {
	return &LinkCutter{dir: dir, seen: map[string]bool{".": true}}
}

// Cut removes the first link, if any is, among the directory rel and those around it,
// up to the copy itself.
func (c *LinkCutter) Cut(rel string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut(path.Clean(rel))
}

func (c *LinkCutter) cut(rel string) error {
	if c.seen[rel] {
		return nil
	}
	if rel == ".." || strings.HasPrefix(rel, "../") || strings.HasPrefix(rel, "/") {
		return &fs.PathError{Op: "write", Path: rel, Err: errors.New("outside of the build directory")}
	}
	if err := c.cut(path.Dir(rel)); err != nil {
		return err
	}
	name := c.dir + "/" + rel
	fi, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil // it may be made yet
	case err != nil:
		return err
	case fi.Mode()&fs.ModeSymlink != 0:
		return os.Remove(name)
	}
	c.seen[rel] = true
	return nil
}
