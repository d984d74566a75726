package byitself

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// maxRead bounds how many lockfiles are compared, at 0.2 to 0.5 ms each: of what was built last.
const maxRead = 64

// kindred returns, for a project that has no sibling, another project that shares most of its
// dependencies, with something built in it: what a graft takes from there need not be
// compiled. It has to be a third of them, as sealing takes some tenths of a second; of several
// one that is sealed as it is. nil where there is none.
func kindred(p *open.Project) *candidate {
	own := dependencies(p.Checkout.Workspace.Root)
	var best *candidate
	most, sealed := max(1, len(own)/3), false
	read := 0
	for _, dir := range newestFirst(whereabouts.Claimed(filepath.Join(p.Store.Dir(), paths.StoreLeases))) {
		root, name := filepath.Split(dir)
		if read == maxRead || sealed && most == len(own) {
			break // it has all, and nothing to be done
		}
		if name != usual || dir == p.BuildDir() {
			continue
		}
		read++
		shared := 0
		for id := range dependencies(root) {
			if own[id] {
				shared++
			}
		}
		c := &candidate{root: filepath.Clean(root), buildDir: dir, rank: rankUsual}
		if shared < most || shared == most && sealed || !c.look() {
			continue
		}
		if now := c.isSealed(p.Store.Dir()); best == nil || shared > most || now {
			best, most, sealed = c, shared, now
		}
	}
	return best
}

// newestFirst has build directories in the order in which something was last built in them, as far as
// the directories of the usual profiles tell.
func newestFirst(dirs []string) []string {
	built := map[string]time.Time{}
	for _, dir := range dirs {
		for _, profile := range []string{"debug", "release"} {
			if fi, err := os.Lstat(filepath.Join(dir, profile)); err == nil && fi.ModTime().After(built[dir]) {
				built[dir] = fi.ModTime()
			}
		}
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return built[b].Compare(built[a]) })
	return dirs
}

// dependencies are the packages in the lockfile of a workspace that come from elsewhere.
func dependencies(root string) map[lockfile.ID]bool {
	ids := map[lockfile.ID]bool{}
	text, err := regular.Read(filepath.Join(root, "Cargo.lock"))
	if err != nil {
		return ids
	}
	if lock, err := lockfile.Parse(text); err == nil {
		for i := range lock.Packages {
			if id := lock.Packages[i].ID; id.Source != "" {
				ids[id] = true
			}
		}
	}
	return ids
}
