package inputs

import (
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// namedTree lists a directory that something names. What git ignores in it is left
// out, since tools put it there; unless git ignores the whole directory: then just that
// was meant.
func (r *TreeReader) namedTree(dir string) (entries []manifest.TreeEntry, newest Change, err error) {
	for _, f := range r.listedBelow(dir) {
		path := dir + "/" + f
		if strings.HasSuffix(f, "/") || r.neverInput(path, filepath.Base(f)) || dir == r.checkout.Workspace.Root && (isConditional(f) || extent.Documentation(f)) {
			continue
		}
		r.addBeside(path, f, &entries, &newest)
	}
	if len(entries) > 0 {
		return entries, newest, nil
	}
	return r.walk(dir, manifest.ScopeNamed)
}

// listedBelow is what git lists below a directory of the checkout.
func (r *TreeReader) listedBelow(dir string) []string {
	if r.checkout.Files == nil {
		return nil
	}
	if home, ok := paths.Under(dir, r.checkout.Workspace.Root); ok {
		files, err := r.checkout.Files()
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
	if r.checkout.RunGit == nil {
		return nil
	}
	out, err := r.checkout.RunGit(dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil || len(out) == 0 {
		return nil
	}
	list := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	return list
}
