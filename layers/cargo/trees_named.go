package cargo

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// mostNamed bounds a directory that is named and that git does not list: one with
// more in it than a build reads (modules of another language) is not gone through.
const mostNamed = 20_000

var errTooMany = errors.New("it holds too many files")

// namedTree lists a directory that something names. What git ignores in it is left
// out, as it is what tools put there, unless git ignores all of it: then that is what
// was meant.
func (r *treeReader) namedTree(dir string) (entries []TreeEntry, newest newestEntry, err error) {
	for _, f := range r.listedBelow(dir) {
		path := dir + "/" + f
		if strings.HasSuffix(f, "/") || r.neverInput(path, filepath.Base(f)) || dir == r.place.Workspace.Root && (isWitnessed(f) || extent.Documentation(f)) {
			continue
		}
		r.addBeside(path, f, &entries, &newest)
	}
	if len(entries) > 0 {
		return entries, newest, nil
	}
	return r.walk(dir, scopeNamed)
}

// listedBelow is what git lists below a directory of the checkout.
func (r *treeReader) listedBelow(dir string) []string {
	if r.place.Files == nil {
		return nil
	}
	if home, ok := paths.Under(dir, r.place.Workspace.Root); ok {
		files, err := r.place.Files()
		if err != nil {
			return nil
		}
		var list []string
		for _, f := range files {
			if rel, ok := paths.Under("/"+f, filepath.Join("/", home)); ok || home == "" {
				if home == "" {
					rel = f
				}
				list = append(list, rel)
			}
		}
		return list
	}
	if r.place.RunGit == nil {
		return nil
	}
	out, err := r.place.RunGit(dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil || len(out) == 0 {
		return nil
	}
	list := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	return list
}
