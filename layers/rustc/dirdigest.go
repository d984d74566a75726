package rustc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// What a macro may read is looked at as far as that costs less than compiling: a
// package or workspace with more in it is compiled.
const (
	mostFiles = 10_000
	mostBytes = 64 << 20
)

type budget struct {
	files int
	bytes int64
}

var errTooMany = &Uncacheable{"macro beside too many files", ""}

// dirHasher digests directories: names, contents and links of all that is in them, but
// for what is not of the checkout and what no macro is written for.
type dirHasher struct {
	pkg            string // the package
	besidePackages bool   // what lies around the packages is meant: none of theirs is
	extent         *extent.Checkout
	packages       *extent.Packages // nil where there are none
	remaining      *budget
	newest         time.Time
	visited        []string // directories behind links that were looked at, by their real names
}

func (t *dirHasher) digest(dir string) (string, error) {
	h := digest.New()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		t.visited = append(t.visited, real)
	}
	if err := t.walk(h, dir, "", ""); err != nil {
		return "", err
	}
	return h.Digest(), nil
}

// walk digests dir, which the tree calls rel, and the innermost package around it,
// if it lies in one, home: "" where that is not known to matter.
func (t *dirHasher) walk(h digest.Hash, dir, rel, home string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &Uncacheable{"directory that cannot be read", dir}
	}
	if rel != "" && t.skips(dir, entries) {
		return nil
	}
	if info, err := os.Stat(dir); err == nil {
		t.note(info)
	}
	if t.besidePackages && t.isPackage(dir, entries) {
		home = dir
	}
	return t.entries(h, dir, rel, home, entries)
}

func (t *dirHasher) entries(h digest.Hash, dir, rel, home string, entries []fs.DirEntry) (err error) {
	for _, e := range entries {
		name, path := rel+e.Name(), dir+"/"+e.Name()
		if extent.Never(e.Name()) || t.besidePackages && !e.IsDir() && t.isOthers(name, path, home) {
			continue
		}
		if t.remaining.files--; t.remaining.files < 0 {
			return errTooMany
		}
		h.WriteString(name)
		switch {
		case e.IsDir():
			h.WriteString("/\x00")
			err = t.walk(h, path, name+"/", home)
		case e.Type()&fs.ModeSymlink != 0:
			var to string
			to, err = os.Readlink(path)
			h.WriteString("\x00" + to + "\x00")
			if digest, size, err := Digest(path); err == nil {
				if info, err := os.Stat(path); err == nil {
					t.note(info)
				}
				t.remaining.bytes -= size
				h.WriteString(digest)
			}
			if err == nil {
				err = t.followLink(h, path, name+"/", home)
			}
		case e.Type().IsRegular():
			var info fs.FileInfo
			if info, err = e.Info(); err != nil {
				break
			}
			t.note(info)
			if t.remaining.bytes -= info.Size(); t.remaining.bytes < 0 {
				return errTooMany
			}
			var digest string
			digest, _, err = Digest(path)
			h.WriteString("\x00" + digest)
		default:
			h.WriteString("\x00" + e.Type().String())
		}
		var known *Uncacheable
		if err != nil && !errors.As(err, &known) {
			err = &Uncacheable{"file that cannot be read", path}
		}
		if err != nil {
			return err
		}
		h.WriteString("\x00")
	}
	return nil
}

func (t *dirHasher) note(info fs.FileInfo) {
	if at := changedAt(info); at.After(t.newest) {
		t.newest = at
	}
}

// followLink looks at the directory that a link leads to, if it does and no other one
// did. It may be another package: whoever links to it means its files.
func (t *dirHasher) followLink(h digest.Hash, path, rel, home string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil // a file, or nothing
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil || slices.Contains(t.visited, real) || extent.Scratch(real) {
		return nil
	}
	t.visited = append(t.visited, real)
	return t.entries(h, path, rel, home, entries)
}

// skips reports whether a directory is another package, another checkout, or a build
// or cache directory. A package that holds the own one hides nothing of it.
func (t *dirHasher) skips(dir string, entries []fs.DirEntry) bool {
	return hasEntry(entries, ".git") && t.extent.Nested(dir) != extent.Part || extent.Scratch(dir) ||
		t.besidePackages && dir == t.pkg || t.isPackage(dir, entries) && !(t.besidePackages && inDir(t.pkg, dir))
}

func (t *dirHasher) isPackage(dir string, entries []fs.DirEntry) bool {
	return t.packages != nil && hasEntry(entries, "Cargo.toml") && t.packages.Has(dir)
}

// isOthers reports whether a file is documentation, or what cargo compiles for the
// package in home.
func (t *dirHasher) isOthers(name, path, home string) bool {
	if extent.Documentation(name) {
		return true
	}
	rel, err := filepath.Rel(home, path)
	return home != "" && err == nil && extent.Compiled(rel)
}

func hasEntry(entries []fs.DirEntry, name string) bool {
	_, ok := slices.BinarySearchFunc(entries, name, func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
	return ok
}
