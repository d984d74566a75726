//go:build !linux

package reflink

import (
	"io/fs"
	"os"
)

// A source opens what lies in one directory. While a tree is copied, somebody may put a link
// in the place of a directory that was just listed; followed, it would lead out of the tree.
type source struct {
	dir  string
	root *os.File
}

func openSource(dir string) (*source, error) {
	root, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	return &source{dir: dir, root: root}, nil
}

func (s *source) close() { s.root.Close() }

// open opens what is at rel, "" for the directory itself. It follows no link.
func (s *source) open(rel string, flags int) (*os.File, error) {
	if rel == "" {
		rel = "."
	}
	fd, err := openAt(int(s.root.Fd()), rel, flags|noLinks, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: join(s.dir, rel), Err: err}
	}
	return os.NewFile(uintptr(fd), join(s.dir, rel)), nil
}
