package reflink

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// readDir lists a directory that was opened, sorted by name.
func readDir(dir *os.File) ([]fs.DirEntry, error) {
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// existing is dir, or the directory that it is to be made in.
func existing(dir string) string {
	if unix.Access(dir, unix.F_OK) != nil {
		return filepath.Dir(strings.TrimRight(dir, "/"))
	}
	return dir
}

// An inode tells names of one file from files.
type inode struct{ dev, ino uint64 }

// below is the path of a name in a directory, both relative to the tree.
func below(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "/" + name
}

// join does not clean, which costs more than the rest of the walk.
func join(dir, rel string) string {
	if rel == "" {
		return dir
	}
	return strings.TrimRight(dir, "/") + "/" + rel
}
