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
	"github.com/cargo-cow/cargo-cow/layers/paths"
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

func (d *dirHasher) digest(dir string) (string, error) {
	h := digest.New()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		d.visited = append(d.visited, real)
	}
	if err := d.walk(h, dir, "", ""); err != nil {
		return "", err
	}
	return h.Digest(), nil
}

// walk digests dir, which the tree calls rel, and the innermost package around it,
// if it lies in one, home: "" where that is not known to matter.
func (d *dirHasher) walk(h digest.Hash, dir, rel, home string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &Uncacheable{"directory that cannot be read", dir}
	}
	if rel != "" && d.skips(dir, entries) {
		return nil
	}
	if info, err := os.Stat(dir); err == nil {
		d.note(info)
	}
	if d.besidePackages && d.isPackage(dir, entries) {
		home = dir
	}
	return d.entries(h, dir, rel, home, entries)
}

func (d *dirHasher) entries(h digest.Hash, dir, rel, home string, entries []fs.DirEntry) (err error) {
	for _, e := range entries {
		name, path := rel+e.Name(), dir+"/"+e.Name()
		if extent.NeverRead(e.Name()) || d.besidePackages && !e.IsDir() && d.isOthers(name, path, home) {
			continue
		}
		if d.remaining.files--; d.remaining.files < 0 {
			return errTooMany
		}
		h.WriteString(name)
		switch {
		case e.IsDir():
			h.WriteString("/\x00")
			err = d.walk(h, path, name+"/", home)
		case e.Type()&fs.ModeSymlink != 0:
			var to string
			to, err = os.Readlink(path)
			h.WriteString("\x00" + to + "\x00")
			if digest, size, err := Digest(path); err == nil {
				if info, err := os.Stat(path); err == nil {
					d.note(info)
				}
				d.remaining.bytes -= size
				h.WriteString(digest)
			}
			if err == nil {
				err = d.followLink(h, path, name+"/", home)
			}
		case e.Type().IsRegular():
			var info fs.FileInfo
			if info, err = e.Info(); err != nil {
				break
			}
			d.note(info)
			if d.remaining.bytes -= info.Size(); d.remaining.bytes < 0 {
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

func (d *dirHasher) note(info fs.FileInfo) {
	if at := changedAt(info); at.After(d.newest) {
		d.newest = at
	}
}

// followLink looks at the directory that a link leads to, if it does and no other one
// did. It may be another package: whoever links to it means its files.
func (d *dirHasher) followLink(h digest.Hash, path, rel, home string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil // a file, or nothing
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil || slices.Contains(d.visited, real) || extent.IsCacheDir(real) {
		return nil
	}
	d.visited = append(d.visited, real)
	return d.entries(h, path, rel, home, entries)
}

// skips reports whether a directory is another package, another checkout, or a build
// or cache directory. A package that holds the own one hides nothing of it.
func (d *dirHasher) skips(dir string, entries []fs.DirEntry) bool {
	return hasEntry(entries, ".git") && d.extent.Nested(dir) != extent.Part || extent.IsCacheDir(dir) ||
		d.besidePackages && dir == d.pkg || d.isPackage(dir, entries) && !(d.besidePackages && paths.Below(d.pkg, dir))
}

func (d *dirHasher) isPackage(dir string, entries []fs.DirEntry) bool {
	return d.packages != nil && hasEntry(entries, "Cargo.toml") && d.packages.Has(dir)
}

// isOthers reports whether a file is documentation, or what cargo compiles for the
// package in home.
func (d *dirHasher) isOthers(name, path, home string) bool {
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
