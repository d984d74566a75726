package inputs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

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

// maxNamed bounds how many files are read of a directory that is named and that git does
// not list: no build reads more, while modules of another language are more.
const maxNamed = 20_000

var errTooMany = errors.New("it holds too many files")
