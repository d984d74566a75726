package reflink

import (
	"io/fs"
	"os"
	"slices"
	"strings"
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
