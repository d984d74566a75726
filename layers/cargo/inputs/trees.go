// Package inputs reads what units are built from in one checkout: files by content, and directories
// with all in them that a script or macro may read. Each file and each directory is read once. A
// Digester may be used by several goroutines, a TreeReader by one.
package inputs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// TreeReader lists the trees of one place.
type TreeReader struct {
	checkout *checkout.Checkout
	extent   *extent.Checkout
	Digests  *Digester
	ignore   []string // user's globs, by base name or by path from the root
	inputs   []string // user's globs of more inputs, by path from the root
	listed   map[string]bool
	memo     map[string][]manifest.TreeEntry
	newest   map[string]Change // latest change seen in each tree
}

// Change is the latest change of anything in a tree: its name, and the time in ns.
type Change struct {
	Path    string
	Changed int64
}

// NewTreeReader returns a reader that has listed nothing yet. It is for one goroutine.
func NewTreeReader(co *checkout.Checkout, d *Digester, s rule.Settings) *TreeReader {
	return &TreeReader{checkout: co, extent: extent.Of(co.Workspace.Root), Digests: d, ignore: s.Ignore, inputs: s.Inputs, memo: map[string][]manifest.TreeEntry{}, newest: map[string]Change{}}
}

func (r *TreeReader) walk(dir, scope string) ([]manifest.TreeEntry, Change, error) {
	w := &treeWalk{reader: r, scope: scope, seen: map[string]bool{}, onlyCheckouts: map[string]bool{}, dirs: map[string]Change{}}
	err := w.below(dir, "")
	entries := w.withoutOnlyCheckouts()
	return entries, w.newest, err
}

// treeWalk lists one tree.
type treeWalk struct {
	reader        *TreeReader
	scope         string
	entries       []manifest.TreeEntry
	newest        Change
	seen          map[string]bool // directories, by real name, that links led to
	onlyCheckouts map[string]bool // directories, by name in the tree, that hold other checkouts
	dirs          map[string]Change
}

func (w *treeWalk) changed(path string, at int64) {
	if at > w.newest.Changed {
		w.newest = Change{path, at}
	}
}

// below lists what lies in dir, which the tree calls prefix.
func (w *treeWalk) below(dir, prefix string) error {
	// With the slash a link is followed, as Cargo follows one that is watched.
	return filepath.WalkDir(dir+"/", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := paths.Under(path, dir)
		if rel != "" && w.reader.skip(path, d, w.scope) {
			if d.IsDir() && w.reader.extent.Nested(path) != extent.Part {
				w.onlyCheckouts[filepath.Dir(filepath.Join(prefix, rel))] = true
			}
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		e := manifest.TreeEntry{Path: paths.Path(filepath.Join(prefix, rel)), Ignored: w.scope == manifest.ScopePackage && !d.IsDir() && w.reader.isIgnored(path)}
		switch {
		case d.IsDir():
			fi, err := d.Info()
			if err != nil {
				return err
			}
			// Only a removal shows in a directory's time and nowhere else; its
			// ctime changes with every touch of its mode.
			w.dirs[string(e.Path)] = Change{path, fi.ModTime().UnixNano()}
			e.Value = "/"
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			e.Value = "-> " + link
			if st := w.reader.Digests.File(path); st.Err == nil {
				e.Value += " " + st.Digest
				w.changed(path, st.Changed)
			} else if err := w.follow(path, string(e.Path)); err != nil {
				return err
			}
		case d.Type().IsRegular():
			st := w.reader.Digests.File(path)
			if st.Err != nil {
				return st.Err
			}
			e.Value = st.Digest
			w.changed(path, st.Changed)
		default:
			return nil
		}
		if rel != "" {
			w.entries = append(w.entries, e)
		}
		if w.scope == manifest.ScopeNamed && len(w.entries) > maxNamed {
			return errTooMany
		}
		return nil
	})
}

// withoutOnlyCheckouts returns the entries but for directories that hold nothing but
// other checkouts.
func (w *treeWalk) withoutOnlyCheckouts() []manifest.TreeEntry {
	var kept []manifest.TreeEntry
	full := map[string]bool{}
	for _, e := range slices.Backward(w.entries) { // a directory comes before what is in it
		name, dir := string(e.Path), filepath.Dir(string(e.Path))
		if e.Value == "/" && w.onlyCheckouts[name] && !full[name] {
			w.onlyCheckouts[dir] = true
			delete(w.dirs, name)
			continue
		}
		full[dir] = true
		kept = append(kept, e)
	}
	for _, name := range slices.Sorted(maps.Keys(w.dirs)) {
		w.changed(w.dirs[name].Path, w.dirs[name].Changed)
	}
	slices.Reverse(kept)
	return kept
}

// follow lists the directory that a link leads to, once, however many links do.
// Cargo follows every link in what a script watches (cargo-util 0.2, paths.rs:
// mtime_recursive). What else a script or macro may read is followed inside the
// workspace: outside lies what is no part of the checkout.
func (w *treeWalk) follow(link, name string) error {
	dir, err := filepath.EvalSymlinks(link)
	if err != nil {
		return nil // it leads nowhere
	}
	fi, err := os.Stat(dir)
	if err != nil || !fi.IsDir() || w.seen[dir] {
		return nil
	}
	if _, loop := paths.Under(link, dir); loop {
		return nil
	}
	root := w.reader.checkout.Workspace.Root
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	if _, inside := paths.Under(dir, root); !inside && w.scope != manifest.ScopeWatch || w.reader.skip(dir, fs.FileInfoToDirEntry(fi), manifest.ScopeWatch) {
		return nil
	}
	w.seen[dir] = true
	return w.below(dir, name)
}

// skip reports whether an entry is no input in scope.
func (r *TreeReader) skip(path string, d fs.DirEntry, scope string) bool {
	co := r.checkout
	if path == co.Workspace.BuildDir || path == co.Workspace.TargetDir || path == co.Workspace.Outer || extent.Repository(d.Name()) {
		return true
	}
	if scope == manifest.ScopeWatch {
		// Cargo looks into whatever lies there. Only a worktree of this very
		// repository is there for another reason than to be read.
		return d.IsDir() && r.extent.Nested(path) == extent.Twin
	}
	if r.neverInput(path, d.Name()) {
		return true
	}
	switch {
	case !d.IsDir():
		return false
	case extent.Scratch(path):
		return true
	case scope == manifest.ScopeNamed:
		return r.extent.Nested(path) == extent.Twin
	}
	if slices.ContainsFunc(co.Workspace.Packages, func(q project.Package) bool { return q.Root == path }) {
		return true
	}
	return r.extent.Nested(path) != extent.Part
}

func (r *TreeReader) neverInput(path, base string) bool {
	rel, _ := paths.Under(path, r.checkout.Workspace.Root)
	if extent.Never(base) {
		return true
	}
	for _, glob := range r.ignore {
		if ok, _ := filepath.Match(glob, base); ok {
			return true
		}
		if ok, _ := filepath.Match(glob, rel); ok {
			return true
		}
	}
	return false
}

// isIgnored reports whether git does not list a file.
func (r *TreeReader) isIgnored(path string) bool {
	if r.checkout.Files == nil {
		return false
	}
	if r.listed == nil {
		r.listed = map[string]bool{}
		files, err := r.checkout.Files()
		if err != nil {
			return false
		}
		for _, f := range files {
			r.listed[f] = true
		}
	}
	rel, ok := paths.Under(path, r.checkout.Workspace.Root)
	return ok && !r.listed[rel]
}

// beside lists what lies around the packages in dir, the workspace or a package
// that holds others.
func (r *TreeReader) beside(dir string) (entries []manifest.TreeEntry, newest Change, err error) {
	if r.checkout.Files == nil {
		return r.besideWalk(dir)
	}
	files, err := r.checkout.Files()
	if err != nil {
		return nil, newest, err
	}
	for _, name := range r.variables(dir) {
		if !slices.Contains(files, name) {
			files = append(slices.Clip(files), name)
		}
	}
	for _, f := range files {
		path := r.checkout.Workspace.Root + "/" + f
		if rel, ok := paths.Under(path, dir); ok && !strings.HasSuffix(f, "/") && r.isBeside(path, rel, dir) {
			r.addBeside(path, rel, &entries, &newest)
		}
	}
	return entries, newest, nil
}

// variables lists the .env files, ignored or not, in dir and in the directories
// between it and the packages below: they are looked for from a package upwards.
func (r *TreeReader) variables(dir string) (names []string) {
	seen := map[string]bool{}
	search := func(in string) {
		if seen[in] {
			return
		}
		seen[in] = true
		entries, err := os.ReadDir(in)
		if err != nil {
			return
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".env") {
				name, _ := paths.Under(filepath.Join(in, e.Name()), r.checkout.Workspace.Root)
				names = append(names, name)
			}
		}
	}
	search(dir)
	for _, p := range r.checkout.Workspace.Packages {
		if _, ok := paths.Under(p.Root, dir); !ok || p.Root == dir {
			continue
		}
		for in := filepath.Dir(p.Root); len(in) > len(dir); in = filepath.Dir(in) {
			search(in)
		}
	}
	return names
}

// isBeside reports whether a file counts for the packages in dir to none of which
// it belongs. Documentation and the witnessed files do not.
func (r *TreeReader) isBeside(path, rel, dir string) bool {
	if p := r.checkout.Workspace.PackageOf(path); p != nil && (p.Root != dir || extent.Compiled(rel)) {
		return false
	}
	return !extent.Documentation(rel) && !isConditional(rel) && !r.neverInput(path, filepath.Base(path))
}

// named lists the files that the user's configuration calls inputs.
func (r *TreeReader) named(root string) []string {
	var found []string
	for _, glob := range r.inputs {
		matches, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil {
			continue // the configuration was refused for it when it was read
		}
		for _, m := range matches {
			if rel, ok := paths.Under(m, root); ok && paths.IsLocal(rel) {
				found = append(found, m)
			}
		}
	}
	return found
}

func (r *TreeReader) besideWalk(root string) (entries []manifest.TreeEntry, newest Change, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == root {
			return nil
		}
		if r.skip(path, d, manifest.ScopePackage) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		rel, _ := paths.Under(path, root)
		if !d.IsDir() && r.isBeside(path, rel, root) {
			r.addBeside(path, rel, &entries, &newest)
		}
		return nil
	})
	return entries, newest, err
}

func (r *TreeReader) addBeside(path, rel string, entries *[]manifest.TreeEntry, newest *Change) {
	fi, err := os.Lstat(path)
	if err != nil {
		return // tracked but removed
	}
	e := manifest.TreeEntry{Path: paths.Path(rel)}
	if fi.IsDir() {
		r.addUnlisted(path, rel, entries, newest)
		return
	}
	if fi.Mode()&fs.ModeSymlink != 0 {
		link, _ := os.Readlink(path)
		e.Value = "-> " + link
	}
	if st := r.Digests.File(path); st.Err == nil {
		e.Value += st.Digest
		if st.Changed > newest.Changed {
			*newest = Change{path, st.Changed}
		}
	}
	*entries = append(*entries, e)
}

// addUnlisted adds what lies where git has a link and no repository: mostly nothing,
// a submodule that has not arrived.
func (r *TreeReader) addUnlisted(dir, rel string, entries *[]manifest.TreeEntry, newest *Change) {
	*entries = append(*entries, manifest.TreeEntry{Path: paths.Path(rel), Value: "/"})
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil, path == dir:
			return nil
		case r.skip(path, d, manifest.ScopePackage) && d.IsDir():
			return filepath.SkipDir
		case !d.IsDir():
			below, _ := paths.Under(path, dir)
			r.addBeside(path, rel+"/"+below, entries, newest)
		}
		return nil
	})
}

// maxNamed bounds a directory that is named and that git does not list: one with
// more in it than a build reads (modules of another language) is not gone through.
const maxNamed = 20_000

var errTooMany = errors.New("it holds too many files")
