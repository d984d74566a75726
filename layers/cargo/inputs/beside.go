package inputs

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// beside lists what lies beside the packages in dir, the workspace root or a package
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

// isBeside reports whether a file that belongs to none of the packages in dir counts as
// an input of them. Documentation and the Conditional files do not.
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

// addUnlisted adds what lies where git has a link to a repository that is not there:
// mostly nothing, as in a submodule that was not initialized.
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
