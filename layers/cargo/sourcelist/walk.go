package sourcelist

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A lister lists the files of one package.
type lister struct {
	ctx   context.Context
	git   func(ctx context.Context, dir string, args ...string) ([]byte, error)
	root  string
	rules *rules
	// files are absolute, subpackages the directories of other Cargo.toml files
	// that Git lists.
	files       []string
	subpackages []string
}

// accept tells whether the rules of the manifest let a file be listed, or a
// directory be walked.
func (l *lister) accept(path string, isDir bool) bool {
	rel, err := filepath.Rel(l.root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return false
	}
	if rel == "." {
		rel = ""
	}
	return l.rules.accept(rel, isDir)
}

// readDir returns the entries in the order of the file system, which os.ReadDir
// would sort.
func readDir(dir string) ([]fs.DirEntry, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// walk lists dir without Git's help, following symbolic links (path.rs:
// list_files_walk). isRoot tells that dir is the package root.
func (l *lister) walk(dir string, isRoot bool) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !isRoot && (!l.accept(dir, true) || exists(filepath.Join(dir, "Cargo.toml"))) {
		return nil
	}
	return l.walkBelow(dir, isRoot, []fs.FileInfo{info})
}

// walkBelow has dir and the directories above it in ancestors.
func (l *lister) walkBelow(dir string, isRoot bool, ancestors []fs.FileInfo) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	entries, err := readDir(dir)
	if err != nil {
		// Cargo, too, takes an unreadable directory for a file.
		if l.accept(dir, true) {
			l.files = append(l.files, dir)
		}
		return nil
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path)
		switch {
		case !l.accept(path, err == nil && info.IsDir()):
		case err != nil:
			l.files = append(l.files, path)
		case info.Mode().IsRegular():
			l.files = append(l.files, path)
		case info.IsDir():
			if exists(filepath.Join(path, "Cargo.toml")) || isRoot && entry.Name() == "target" {
				continue
			}
			if entry.Type()&fs.ModeSymlink != 0 && isLoop(ancestors, info) {
				continue
			}
			if err := l.walkBelow(path, false, append(ancestors[:len(ancestors):len(ancestors)], info)); err != nil {
				return err
			}
		}
	}
	return nil
}

func isLoop(ancestors []fs.FileInfo, dir fs.FileInfo) bool {
	for _, a := range ancestors {
		if os.SameFile(a, dir) {
			return true
		}
	}
	return false
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
