// Package sourcelist lists the files of a path package as Cargo sees them, to
// reproduce the one value Cargo derives from them: the time and name of the
// newest file, by which it decides whether a build script that does not say
// what it watches is run again.
//
// The rules and their order are those of cargo 1.95, sources/path.rs:
// list_files and last_modified_file. A mistake here makes Cargo rebuild, it
// never makes it skip a build: Cargo computes the value itself and compares.
// Where this package knows that it cannot be exact it returns ErrUnsupported.
//
// The functions keep no state and may be called concurrently. They read a
// directory that others may change meanwhile, and then return what they met.
package sourcelist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrUnsupported is wrapped by errors about packages whose list depends on
// something that is not reproduced: package.include or package.exclude with a
// pattern that Cargo refuses or with the value of the workspace, a path through a
// symbolic link, and a few shapes of Git working trees.
var ErrUnsupported = errors.New("file list cannot be reproduced")

// Options are the means that a caller provides.
type Options struct {
	// Git runs git in dir and returns its standard output. Variables such as
	// GIT_DIR and GIT_INDEX_FILE must not be set, since Cargo does not look at
	// them. It is called only if a .git lies at the package root or above.
	Git func(ctx context.Context, dir string, args ...string) ([]byte, error)
}

// Newest returns the text that Cargo stores in a Precalculated fingerprint for
// the package at pkgRoot: "{seconds}.{nanoseconds}s ({path below pkgRoot})"
// (cargo 1.95, sources/path.rs: PathSource::fingerprint). Of files with equal
// times the first one in List counts.
func Newest(ctx context.Context, pkgRoot string, opts Options) (string, error) {
	files, err := List(ctx, pkgRoot, opts)
	if err != nil {
		return "", err
	}
	newest, name := time.Unix(0, 0), ""
	for _, file := range files {
		// What cannot be read, a dangling link for one, has the time zero.
		info, err := os.Stat(filepath.Join(pkgRoot, file))
		if err == nil && info.ModTime().After(newest) {
			newest, name = info.ModTime(), file
		}
	}
	return fmt.Sprintf("%d.%09ds (%s)", newest.Unix(), newest.Nanosecond(), strings.ToValidUTF8(name, "\ufffd")), nil
}

// List returns the files of the package at pkgRoot, relative to it, in Cargo's
// order, which is that of reading the directories. pkgRoot must be absolute and
// free of symbolic links.
func List(ctx context.Context, pkgRoot string, opts Options) ([]string, error) {
	files, err := list(ctx, pkgRoot, opts)
	if err != nil {
		return nil, fmt.Errorf("list sources of %s: %w", pkgRoot, err)
	}
	return files, nil
}

func list(ctx context.Context, pkgRoot string, opts Options) ([]string, error) {
	real, err := filepath.EvalSymlinks(pkgRoot)
	if err != nil {
		return nil, err
	}
	if real != pkgRoot || !filepath.IsAbs(pkgRoot) {
		return nil, fmt.Errorf("%w: the path is not the real one", ErrUnsupported)
	}
	rules, err := readRules(filepath.Join(pkgRoot, "Cargo.toml"))
	if err != nil {
		return nil, err
	}
	l := &lister{ctx: ctx, root: pkgRoot, git: opts.Git, rules: rules}
	if err := l.list(); err != nil {
		return nil, err
	}
	return l.relative()
}

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

func (l *lister) list() error {
	if l.rules.including {
		return l.walk(l.root, true)
	}
	repo, tracked, err := l.repository()
	if err != nil {
		return err
	}
	if tracked {
		return l.listGit(repo)
	}
	if err := l.rules.excludeHidden(); err != nil {
		return err
	}
	return l.walk(l.root, true)
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

func (l *lister) relative() ([]string, error) {
	var files []string
	for _, file := range l.files {
		if l.inSubpackage(file) {
			continue
		}
		rel, err := filepath.Rel(l.root, file)
		if err != nil {
			return nil, err
		}
		files = append(files, rel)
	}
	return files, nil
}

func (l *lister) inSubpackage(file string) bool {
	for _, dir := range l.subpackages {
		if strings.HasPrefix(file, dir+"/") {
			return true
		}
	}
	return false
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

// nulTerminated splits the output of a git command run with -z.
func nulTerminated(out []byte) []string {
	var list []string
	for item := range bytes.SplitSeq(out, []byte{0}) {
		if len(item) > 0 {
			list = append(list, string(item))
		}
	}
	return list
}
