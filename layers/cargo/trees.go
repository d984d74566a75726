package cargo

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// The scopes of a Tree: what lies below its directory and counts.
const (
	// scopePackage is a package's own directory as a script or macro may read
	// it: ignored files too, but no other package, checkout or build directory.
	scopePackage = "package"
	// scopeBeside is what lies around the packages in a directory: what git
	// lists there, and .env files above a package, which macros read by convention. A package
	// that lies in the directory itself hides nothing of it from those inside
	// but what Cargo compiles.
	scopeBeside = "beside"
	// scopeWatch is a directory that a script watches, all of it.
	scopeWatch = "watch"
	// scopeNamed is a directory that something names, packages in it included:
	// what git lists of it, or all of it where git lists nothing.
	scopeNamed = "named"
	// scopeLibraries is what in a directory may be taken for a library, not what lies
	// in directories below it.
	scopeLibraries = "libraries"
)

// treeReader lists the trees of one place.
type treeReader struct {
	place   *Place
	extent  *extent.Checkout
	digests *digester
	ignore  []string // user's globs, by base name or by path from the root
	inputs  []string // user's globs of more inputs, by path from the root
	listed  map[string]bool
	memo    map[string][]TreeEntry
	newest  map[string]newestEntry // latest change seen in each tree
}

// newestEntry is the latest change of anything in a tree: its name, and the time in ns.
type newestEntry struct {
	path    string
	changed int64
}

// newTreeReader returns a reader that has listed nothing yet. It is for one goroutine.
func newTreeReader(p *Place, d *digester, s Settings) *treeReader {
	return &treeReader{place: p, extent: extent.Of(p.Workspace.Root), digests: d, ignore: s.Ignore, inputs: s.Inputs, memo: map[string][]TreeEntry{}, newest: map[string]newestEntry{}}
}

// read lists what lies below loc in the place and counts in scope.
func (r *treeReader) read(loc Loc, scope string) ([]TreeEntry, newestEntry, error) {
	key := scope + " " + loc.String()
	if e, ok := r.memo[key]; ok {
		return e, r.newest[key], nil
	}
	dir, ok := r.place.Abs(loc)
	if !ok {
		return nil, newestEntry{}, fs.ErrNotExist
	}
	var (
		entries []TreeEntry
		newest  newestEntry
		err     error
	)
	if dir != filepath.Clean(dir) {
		// A script watches "../proto/": walking gives clean names of what lies
		// below, and ".." after a link is not where the text says.
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return nil, newest, err
		}
	}
	switch scope {
	case scopeNamed:
		entries, newest, err = r.namedTree(dir)
	case scopeLibraries:
		entries, newest, err = r.libraries(dir, loc.Base == BaseFixed)
	case scopeBeside:
		entries, newest, err = r.beside(dir)
		if dir == r.place.Workspace.Root {
			for _, path := range r.named(dir) {
				rel, _ := paths.Under(path, dir)
				r.addBeside(path, rel, &entries, &newest)
			}
		}
	default:
		entries, newest, err = r.walk(dir, scope)
	}
	if err != nil {
		return nil, newest, err
	}
	slices.SortFunc(entries, func(a, b TreeEntry) int { return strings.Compare(string(a.Path), string(b.Path)) })
	entries = slices.Compact(entries)
	r.memo[key], r.newest[key] = entries, newest
	return entries, newest, nil
}

func (r *treeReader) walk(dir, scope string) ([]TreeEntry, newestEntry, error) {
	w := &treeWalk{reader: r, scope: scope, seen: map[string]bool{}, hollow: map[string]bool{}, dirs: map[string]newestEntry{}}
	err := w.below(dir, "")
	entries := w.withoutHollow()
	return entries, w.newest, err
}

// treeWalk lists one tree.
type treeWalk struct {
	reader  *treeReader
	scope   string
	entries []TreeEntry
	newest  newestEntry
	seen    map[string]bool // directories, by real name, that links led to
	hollow  map[string]bool // directories, by name in the tree, that hold other checkouts
	dirs    map[string]newestEntry
}

func (w *treeWalk) changed(path string, at int64) {
	if at > w.newest.changed {
		w.newest = newestEntry{path, at}
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
				w.hollow[filepath.Dir(filepath.Join(prefix, rel))] = true
			}
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		e := TreeEntry{Path: Path(filepath.Join(prefix, rel)), Ignored: w.scope == scopePackage && !d.IsDir() && w.reader.isIgnored(path)}
		switch {
		case d.IsDir():
			fi, err := d.Info()
			if err != nil {
				return err
			}
			// Only a removal shows in a directory's time and nowhere else; its
			// ctime changes with every touch of its mode.
			w.dirs[string(e.Path)] = newestEntry{path, fi.ModTime().UnixNano()}
			e.Value = "/"
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			e.Value = "-> " + link
			if st := w.reader.digests.file(path); st.err == nil {
				e.Value += " " + st.digest
				w.changed(path, st.changed)
			} else if err := w.follow(path, string(e.Path)); err != nil {
				return err
			}
		case d.Type().IsRegular():
			st := w.reader.digests.file(path)
			if st.err != nil {
				return st.err
			}
			e.Value = st.digest
			w.changed(path, st.changed)
		default:
			return nil
		}
		if rel != "" {
			w.entries = append(w.entries, e)
		}
		if w.scope == scopeNamed && len(w.entries) > mostNamed {
			return errTooMany
		}
		return nil
	})
}

// withoutHollow returns the entries but for directories that hold nothing but
// other checkouts.
func (w *treeWalk) withoutHollow() []TreeEntry {
	var kept []TreeEntry
	full := map[string]bool{}
	for _, e := range slices.Backward(w.entries) { // a directory comes before what is in it
		name, dir := string(e.Path), filepath.Dir(string(e.Path))
		if e.Value == "/" && w.hollow[name] && !full[name] {
			w.hollow[dir] = true
			delete(w.dirs, name)
			continue
		}
		full[dir] = true
		kept = append(kept, e)
	}
	for _, name := range slices.Sorted(maps.Keys(w.dirs)) {
		w.changed(w.dirs[name].path, w.dirs[name].changed)
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
	root := w.reader.place.Workspace.Root
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	if _, inside := paths.Under(dir, root); !inside && w.scope != scopeWatch || w.reader.skip(dir, fs.FileInfoToDirEntry(fi), scopeWatch) {
		return nil
	}
	w.seen[dir] = true
	return w.below(dir, name)
}

// skip reports whether an entry is no input in scope.
func (r *treeReader) skip(path string, d fs.DirEntry, scope string) bool {
	p := r.place
	if path == p.Workspace.BuildDir || path == p.Workspace.TargetDir || path == p.Workspace.Outer || extent.Repository(d.Name()) {
		return true
	}
	if scope == scopeWatch {
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
	case scope == scopeNamed:
		return r.extent.Nested(path) == extent.Twin
	}
	if slices.ContainsFunc(p.Workspace.Packages, func(q Package) bool { return q.Root == path }) {
		return true
	}
	return r.extent.Nested(path) != extent.Part
}

func (r *treeReader) neverInput(path, base string) bool {
	rel, _ := paths.Under(path, r.place.Workspace.Root)
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
func (r *treeReader) isIgnored(path string) bool {
	if r.place.Files == nil {
		return false
	}
	if r.listed == nil {
		r.listed = map[string]bool{}
		files, err := r.place.Files()
		if err != nil {
			return false
		}
		for _, f := range files {
			r.listed[f] = true
		}
	}
	rel, ok := paths.Under(path, r.place.Workspace.Root)
	return ok && !r.listed[rel]
}

// beside lists what lies around the packages in dir, the workspace or a package
// that holds others.
func (r *treeReader) beside(dir string) (entries []TreeEntry, newest newestEntry, err error) {
	if r.place.Files == nil {
		return r.besideWalk(dir)
	}
	files, err := r.place.Files()
	if err != nil {
		return nil, newest, err
	}
	for _, name := range r.variables(dir) {
		if !slices.Contains(files, name) {
			files = append(slices.Clip(files), name)
		}
	}
	for _, f := range files {
		path := r.place.Workspace.Root + "/" + f
		if rel, ok := paths.Under(path, dir); ok && !strings.HasSuffix(f, "/") && r.isBeside(path, rel, dir) {
			r.addBeside(path, rel, &entries, &newest)
		}
	}
	return entries, newest, nil
}

// variables lists the .env files, ignored or not, in dir and in the directories
// between it and the packages below: they are looked for from a package upwards.
func (r *treeReader) variables(dir string) (names []string) {
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
				name, _ := paths.Under(filepath.Join(in, e.Name()), r.place.Workspace.Root)
				names = append(names, name)
			}
		}
	}
	search(dir)
	for _, p := range r.place.Workspace.Packages {
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
func (r *treeReader) isBeside(path, rel, dir string) bool {
	if p := r.place.Workspace.packageOf(path); p != nil && (p.Root != dir || extent.Compiled(rel)) {
		return false
	}
	return !extent.Documentation(rel) && !isWitnessed(rel) && !r.neverInput(path, filepath.Base(path))
}

// named lists the files that the user's configuration calls inputs.
func (r *treeReader) named(root string) []string {
	var found []string
	for _, glob := range r.inputs {
		matches, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil {
			continue // the configuration was refused for it when it was read
		}
		for _, m := range matches {
			if rel, ok := paths.Under(m, root); ok && isLocal(rel) {
				found = append(found, m)
			}
		}
	}
	return found
}

func (r *treeReader) besideWalk(root string) (entries []TreeEntry, newest newestEntry, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == root {
			return nil
		}
		if r.skip(path, d, scopePackage) {
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

func (r *treeReader) addBeside(path, rel string, entries *[]TreeEntry, newest *newestEntry) {
	fi, err := os.Lstat(path)
	if err != nil {
		return // tracked but removed
	}
	e := TreeEntry{Path: Path(rel)}
	if fi.IsDir() {
		r.addUnlisted(path, rel, entries, newest)
		return
	}
	if fi.Mode()&fs.ModeSymlink != 0 {
		link, _ := os.Readlink(path)
		e.Value = "-> " + link
	}
	if st := r.digests.file(path); st.err == nil {
		e.Value += st.digest
		if st.changed > newest.changed {
			*newest = newestEntry{path, st.changed}
		}
	}
	*entries = append(*entries, e)
}

// addUnlisted adds what lies where git has a link and no repository: mostly nothing,
// a submodule that has not arrived.
func (r *treeReader) addUnlisted(dir, rel string, entries *[]TreeEntry, newest *newestEntry) {
	*entries = append(*entries, TreeEntry{Path: Path(rel), Value: "/"})
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil, path == dir:
			return nil
		case r.skip(path, d, scopePackage) && d.IsDir():
			return filepath.SkipDir
		case !d.IsDir():
			below, _ := paths.Under(path, dir)
			r.addBeside(path, rel+"/"+below, entries, newest)
		}
		return nil
	})
}

// isNotDir reports whether a look-up failed because something on the way is a
// file.
func isNotDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
