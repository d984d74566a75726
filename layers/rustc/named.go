package rustc

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// named adds to a record what a macro may have read by name in other packages, as far
// as sources tell: those of the crate, which hold the macro's arguments, those of the
// workspace's macros, and files of the package that name others.
func (u *unit) named(rec *Record, names []string, sources [][]byte, began time.Time) error {
	if u.immutable() || !u.reach().SeesFiles() {
		return nil
	}
	home, _ := u.env("CARGO_MANIFEST_DIR")
	packages := extent.PackagesOf(u.cwd)
	f := &extent.Finder{
		Root: u.cwd, Top: extent.Top(u.cwd), Home: home, Apart: []string{u.OutDir}, AtRoot: true,
		Own: func(path string) bool { return ownerOf(path, u.cwd, packages) == home },
	}
	for i, name := range names {
		if filepath.Ext(name) == ".rs" {
			texts, _ := rustsrc.Texts(sources[i])
			for _, t := range texts {
				f.Text(t, filepath.Dir(u.abs(name)), home, false)
			}
		}
	}
	for _, e := range u.Externs {
		if filepath.Ext(e.Path) == ".so" {
			u.sourcesOf(f, e.Path)
		}
	}
	u.follow(f, home)
	for _, e := range u.environ {
		name, value, _ := strings.Cut(e, "=")
		if value != u.outEnv && !isVolatile(name) && !strings.HasPrefix(name, "CARGO_") && (value == u.cwd || in(value, u.cwd)) {
			f.Variable(name, strings.TrimPrefix(strings.TrimPrefix(value, u.cwd), "/"))
		}
	}
	found, whole := f.Names()
	if whole {
		found = append(found, extent.Name{Path: u.cwd, Dir: true})
	}
	left := budget{files: mostFiles, bytes: mostBytes}
	for _, n := range found {
		rel, err := filepath.Rel(u.cwd, n.Path)
		if err != nil || strings.ContainsAny(rel, "\n") {
			return &Odd{"name of an input", n.Path}
		}
		in := Input{rel, Absent}
		switch {
		case n.Dir:
			t := &tree{own: home, extent: extent.Of(u.cwd), left: &left}
			in.Name += "/"
			in.Digest, err = t.digest(n.Path)
			if err == nil && !t.newest.Before(began) {
				err = &Odd{"input changed meanwhile", rel}
			}
		case !n.Absent:
			var text []byte
			var changed time.Time
			text, changed, err = readFile(n.Path)
			in.Digest = digestText(string(text))
			if err == nil && !changed.Before(began) {
				err = &Odd{"input changed meanwhile", rel}
			}
		}
		if err != nil {
			return err
		}
		rec.Inputs = append(rec.Inputs, in)
	}
	return nil
}

// directoryDigest is that of a directory which a record names.
func (u *unit) directoryDigest(dir string) (string, error) {
	home, _ := u.env("CARGO_MANIFEST_DIR")
	left := budget{files: mostFiles, bytes: mostBytes}
	return (&tree{own: home, extent: extent.Of(u.cwd), left: &left}).digest(dir)
}

// sourcesOf adds the sources of a macro, which its list of inputs names. Those of a
// package that cannot change have no names of this workspace.
func (u *unit) sourcesOf(f *extent.Finder, output string) {
	text, _, err := readFile(filepath.Dir(output) + "/" + unitName(output) + ".d")
	if err != nil {
		return
	}
	for _, name := range depfile.Inputs(handoff.Unmark(Unmarked(string(text)))) {
		src, _, err := readFile(u.abs(name))
		if filepath.IsAbs(name) || filepath.Ext(name) != ".rs" || err != nil {
			continue
		}
		dir := filepath.Dir(u.abs(name))
		own := ownerOf(dir, u.cwd, extent.PackagesOf(u.cwd))
		texts, words := rustsrc.Texts(src)
		for _, t := range texts {
			f.Text(t, dir, own, true)
			f.Program(t)
		}
		for _, w := range words {
			f.Program(w)
		}
	}
}

// ownerOf is the directory of the innermost package that holds path, or root; "" for
// what lies outside.
func ownerOf(path, root string, packages *extent.Packages) string {
	if path != root && !in(path, root) {
		return ""
	}
	for dir := path; in(dir, root); dir = filepath.Dir(dir) {
		if packages.Has(dir) {
			return dir
		}
	}
	return root
}

// follow adds the names that files of the package hold, other than Rust's.
func (u *unit) follow(f *extent.Finder, home string) {
	t := &tree{own: home, extent: extent.Of(u.cwd), packages: extent.PackagesOf(u.cwd)}
	seen := 0
	filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if seen++; err != nil || seen > mostFiles {
			return fs.SkipAll
		}
		if d.IsDir() {
			entries, err := os.ReadDir(path)
			if path != home && (err != nil || extent.Never(d.Name()) || t.skips(path, entries)) {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > extent.LargestText || !extent.Follows(d.Name()) {
			return nil
		}
		if text, _, err := readFile(path); err == nil && bytes.IndexByte(text, 0) < 0 {
			extent.Climbing(text, func(s string) { f.Text(s, filepath.Dir(path), home, false) })
		}
		return nil
	})
}

// changedAt is when a file or a directory last was another one.
func changedAt(info fs.FileInfo) time.Time {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Now()
	}
	if info.IsDir() {
		return info.ModTime() // its ctime changes with every touch of its mode
	}
	return changed(st)
}

// isDirectory reports whether an input of a record is a directory with all in it.
func isDirectory(name string) bool { return strings.HasSuffix(name, "/") }
