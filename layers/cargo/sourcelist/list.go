package sourcelist

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

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

func (l *lister) list() error {
	if l.rules.including {
		return l.walk(l.root, true)
	}
	g, err := l.repository()
	if err != nil {
		return err
	}
	if g != nil {
		return l.listGit(g)
	}
	if err := l.rules.excludeHidden(); err != nil {
		return err
	}
	return l.walk(l.root, true)
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
