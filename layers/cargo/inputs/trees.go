// Package inputs reads what units are built from in one checkout: files by content, and directories
// with all in them that a script or macro may read. Each file and each directory is read once. A
// Digester may be used by several goroutines, a TreeReader by one.
package inputs

import (
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// TreeReader lists trees of one checkout: directories with all in them that counts in a
// scope.
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

// NewTreeReader returns a reader that has listed nothing yet. It reads files with d.
func NewTreeReader(co *checkout.Checkout, d *Digester, s rule.Settings) *TreeReader {
	return &TreeReader{checkout: co, extent: extent.Of(co.Workspace.Root), Digests: d, ignore: s.Ignore, inputs: s.Inputs, memo: map[string][]manifest.TreeEntry{}, newest: map[string]Change{}}
}

// skip reports whether an entry is no input in scope.
func (r *TreeReader) skip(path string, d fs.DirEntry, scope string) bool {
	co := r.checkout
	if path == co.Workspace.BuildDir || path == co.Workspace.TargetDir || path == co.Workspace.Outer || extent.IsRepository(d.Name()) {
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
	case extent.IsCacheDir(path):
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
	if extent.NeverRead(base) {
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
