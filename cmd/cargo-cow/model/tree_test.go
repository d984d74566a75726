package model

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A tree is what lies in a directory, by its path there.
type tree map[string]file

type file struct {
	mode  fs.FileMode
	size  int64
	mtime int64  // in ns
	sum   string // of the content; the text of a link
	twin  string // the first name of the same file, if it has several
}

// digests remembers the content of files by what cannot be the same of two: whoever
// changes a file moves its change time on, and nobody can set that.
type digests map[inode]string

type inode struct {
	dev, ino            uint64
	ctime, mtime, bytes int64
}

// readTree reads all in a directory; a nil tree is one that is not there. known may be
// nil: then every file is read.
func readTree(dir string, known digests) (tree, error) {
	if _, err := os.Lstat(dir); isGone(err) {
		return nil, nil
	}
	t := tree{}
	first := map[uint64]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f := file{mode: info.Mode(), mtime: st.Mtim.Nano()}
		switch {
		case d.IsDir():
		case info.Mode()&fs.ModeSymlink != 0:
			f.sum, err = os.Readlink(path)
		case info.Mode().IsRegular():
			f.size = info.Size()
			key := inode{st.Dev, st.Ino, st.Ctim.Nano(), f.mtime, f.size}
			sum, ok := known[key]
			if !ok {
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				sum = digestOf(text)
				if known != nil {
					known[key] = sum
				}
			}
			f.sum = sum
			if st.Nlink > 1 {
				if first[st.Ino] == "" {
					first[st.Ino] = rel
				}
				f.twin = first[st.Ino]
			}
		}
		t[rel] = f
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return string(sum[:16])
}

// same lists in what two trees differ, which are one tree at two times.
func (t tree) same(was tree) []string {
	var found []string
	t.each(was, func(path string) {
		if t[path] != was[path] {
			found = append(found, difference(path, was, t))
		}
	})
	return found
}

// each visits the paths of both, in order.
func (t tree) each(o tree, visit func(path string)) {
	var paths []string
	for path := range t {
		paths = append(paths, path)
	}
	for path := range o {
		if _, ok := t[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		visit(path)
	}
}

func difference(path string, was, is tree) string {
	a, had := was[path]
	b, has := is[path]
	switch {
	case !had:
		return path + ": is there, and should not be"
	case !has:
		return path + ": is gone"
	case a.mode != b.mode:
		return fmt.Sprintf("%s: mode %v, should be %v", path, b.mode, a.mode)
	case a.sum != b.sum || a.size != b.size:
		return fmt.Sprintf("%s: other content, of %d bytes, should be %d", path, b.size, a.size)
	case a.twin != b.twin:
		return fmt.Sprintf("%s: is the file %q, should be %q", path, b.twin, a.twin)
	}
	return fmt.Sprintf("%s: time %d, should be %d", path, b.mtime, a.mtime)
}

// A relation is what may have become of a tree.
type relation struct {
	// restored: some of it was corrected for a checkout, and has the time at.
	restored bool
	at       int64
	// extended: units of layers were added.
	extended bool
	// lacks are packages of which a restore has left something to be built: it has removed
	// what cargo or a script would take for finished.
	lacks []string
	// program is the digest of what was built since; "" for nothing.
	program string
	written written
}

// follows lists in what t is not what has become of was.
func (t tree) follows(was tree, r relation, givers []tree) []string {
	var found []string
	t.each(was, func(path string) {
		if passedOver(path, t[path].mode|was[path].mode, r.lacks) {
			return
		}
		a, had := was[path]
		b, has := t[path]
		switch {
		case r.program != "" && slices.Contains(r.written.Programs, path):
			if b.sum != r.program || b.twin != r.written.first() {
				found = append(found, path+": not the program that was built")
			}
			return
		case r.program != "" && path == r.written.DepInfo:
			a.mtime, a.sum, a.size = b.mtime, b.sum, b.size
		case r.restored && isCorrected(path):
			a.mtime, a.sum, a.size = b.mtime, b.sum, b.size
		}
		if !had && has && r.extended && isGiven(path, b, givers) {
			return
		}
		if r.restored && b.mtime == r.at || r.extended {
			a.mtime = b.mtime // what was added gets its times along, and so what it depends on
		}
		if b.mode.IsDir() && a.mode.IsDir() {
			a.mtime = b.mtime // locks are made in it, fingerprints replaced
		}
		if had != has || a != b {
			was := tree{path: a}
			if !had {
				was = nil
			}
			found = append(found, difference(path, was, t))
		}
	})
	return found
}

func (w written) first() string { return slices.Min(w.Programs) }

// passedOver tells what of a build directory is no content: this program's own files,
// cargo's locks, the mark by which git passes over what undo brings back. And what belongs
// to packages that are to be built.
func passedOver(path string, mode fs.FileMode, lacks []string) bool {
	base := filepath.Base(path)
	return path == "." || path == ".cargo-cow" || strings.HasPrefix(path, ".cargo-cow/") || path == ".gitignore" ||
		mode.IsRegular() && (base == ".cargo-lock" || base == ".cargo-build-lock" || base == ".cargo-artifact-lock") ||
		slices.ContainsFunc(lacks, func(pkg string) bool { return strings.Contains(path, pkg) })
}

// isCorrected tells what a restore writes anew for a checkout.
func isCorrected(path string) bool {
	base := filepath.Base(path)
	return strings.Contains(path, ".fingerprint/") || strings.Contains(path, "/fingerprint/") ||
		strings.HasSuffix(path, ".d") || base == "output" || base == "root-output" || base == "stderr"
}

// isGiven reports whether a file is one that a layer has too.
func isGiven(path string, f file, givers []tree) bool {
	return f.mode.IsDir() || isCorrected(path) || slices.ContainsFunc(givers, func(t tree) bool {
		g, ok := t[path]
		return ok && g.sum == f.sum && g.mode == f.mode
	})
}
