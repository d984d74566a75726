package inputs

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Read lists what lies below loc in the checkout and counts in scope, one of
// manifest.ScopePackage and so on, sorted by path; and the latest change of any of it.
func (r *TreeReader) Read(loc rooted.Path, scope string) ([]manifest.TreeEntry, Change, error) {
	key := scope + " " + loc.String()
	if e, ok := r.memo[key]; ok {
		return e, r.newest[key], nil
	}
	dir, ok := r.checkout.Abs(loc)
	if !ok {
		return nil, Change{}, fs.ErrNotExist
	}
	var (
		entries []manifest.TreeEntry
		newest  Change
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
	case manifest.ScopeNamed:
		entries, newest, err = r.namedTree(dir)
	case manifest.ScopeLibraries:
		entries, newest, err = r.libraries(dir, loc.Root == rooted.Absolute)
	case manifest.ScopeBeside:
		entries, newest, err = r.beside(dir)
		if dir == r.checkout.Workspace.Root {
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
	slices.SortFunc(entries, func(a, b manifest.TreeEntry) int { return strings.Compare(string(a.Path), string(b.Path)) })
	entries = slices.Compact(entries)
	r.memo[key], r.newest[key] = entries, newest
	return entries, newest, nil
}
