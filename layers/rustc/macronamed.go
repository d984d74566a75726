package rustc

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// addNamedInputs adds to a record what a macro may have read by name in other
// packages, as far as sources tell: those of the crate, which hold the macro's
// arguments, those of the workspace's macros, and files of the package that name
// others.
func (u *unit) addNamedInputs(rec *Record, names []string, sources [][]byte, began time.Time) error {
	if u.immutable() || !u.macroReach().SeesFiles() {
		return nil
	}
	home, _ := u.env("CARGO_MANIFEST_DIR")
	packages := extent.PackagesOf(u.Dir)
	f := &extent.Finder{
		Root: u.Dir, Top: extent.Top(u.Dir), Home: home, Apart: []string{u.OutDir}, AtRoot: true,
		Own: func(path string) bool { return ownerOf(path, u.Dir, packages) == home },
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
			u.addMacroSources(f, e.Path)
		}
	}
	u.addNamesInFiles(f, home)
	for _, e := range u.Environ {
		name, value, _ := strings.Cut(e, "=")
		if value != u.outEnv && !isVolatile(name) && !strings.HasPrefix(name, "CARGO_") && (value == u.Dir || paths.Below(value, u.Dir)) {
			f.Variable(name, strings.TrimPrefix(strings.TrimPrefix(value, u.Dir), "/"))
		}
	}
	found, whole := f.Names()
	if whole {
		found = append(found, extent.Name{Path: u.Dir, Dir: true})
	}
	left := budget{files: mostFiles, bytes: mostBytes}
	for _, n := range found {
		in, err := u.namedInput(n, home, &left, began)
		if err != nil {
			return err
		}
		rec.Inputs = append(rec.Inputs, in)
	}
	return nil
}

// namedInput looks at a file or directory that is named, which must not have changed
// since the compiler began.
func (u *unit) namedInput(n extent.Name, home string, left *budget, began time.Time) (Input, error) {
	rel, err := filepath.Rel(u.Dir, n.Path)
	if err != nil || strings.ContainsAny(rel, "\n") {
		return Input{}, &Uncacheable{"name of an input", n.Path}
	}
	in := Input{rel, Absent}
	var changed time.Time
	switch {
	case n.Dir:
		h := &dirHasher{pkg: home, extent: extent.Of(u.Dir), remaining: left}
		in.Name += "/"
		in.Digest, err = h.digest(n.Path)
		changed = h.newest
	case !n.Absent:
		var text []byte
		text, changed, err = digest.Read(n.Path)
		in.Digest = digest.OfText(string(text))
	default:
		return in, nil
	}
	if err == nil && !changed.Before(began) {
		err = &Uncacheable{"input changed meanwhile", rel}
	}
	return in, err
}

// directoryDigest is that of a directory which a record names.
func (u *unit) directoryDigest(dir string) (string, error) {
	home, _ := u.env("CARGO_MANIFEST_DIR")
	left := budget{files: mostFiles, bytes: mostBytes}
	return (&dirHasher{pkg: home, extent: extent.Of(u.Dir), remaining: &left}).digest(dir)
}

// addMacroSources adds the sources of a macro, which its list of inputs names. Those of a
// package that cannot change have no names of this workspace.
func (u *unit) addMacroSources(f *extent.Finder, output string) {
	text, _, err := digest.Read(filepath.Dir(output) + "/" + unitName(output) + ".d")
	if err != nil {
		return
	}
	for _, name := range depfile.Inputs(handoff.WithoutState(WithoutTrailer(string(text)))) {
		src, _, err := digest.Read(u.abs(name))
		if filepath.IsAbs(name) || filepath.Ext(name) != ".rs" || err != nil {
			continue
		}
		dir := filepath.Dir(u.abs(name))
		own := ownerOf(dir, u.Dir, extent.PackagesOf(u.Dir))
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
	if path != root && !paths.Below(path, root) {
		return ""
	}
	for dir := path; paths.Below(dir, root); dir = filepath.Dir(dir) {
		if packages.Has(dir) {
			return dir
		}
	}
	return root
}

// addNamesInFiles adds the names that files of the package hold, other than Rust's.
func (u *unit) addNamesInFiles(f *extent.Finder, home string) {
	t := &dirHasher{pkg: home, extent: extent.Of(u.Dir), packages: extent.PackagesOf(u.Dir)}
	seen := 0
	filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if seen++; err != nil || seen > mostFiles {
			return fs.SkipAll
		}
		if d.IsDir() {
			entries, err := os.ReadDir(path)
			if path != home && (err != nil || extent.NeverRead(d.Name()) || t.skips(path, entries)) {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > extent.LargestText || !extent.Follows(d.Name()) {
			return nil
		}
		if text, _, err := digest.Read(path); err == nil && bytes.IndexByte(text, 0) < 0 {
			extent.Climbing(text, func(s string) { f.Text(s, filepath.Dir(path), home, false) })
		}
		return nil
	})
}

// isDirectory reports whether an input of a record is a directory with all in it.
func isDirectory(name string) bool { return strings.HasSuffix(name, "/") }
