package byitself

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// A candidate is a workspace with something built in it.
type candidate struct {
	root, buildDir string
	rank           int
	lockfile       bool // the same as the checkout's
	commit         bool
	built          time.Time
	classic        bool // its directories tell when that was
}

// usual is the name of the build directory where nobody has named another.
const usual = "target"

// Where a candidate is, what promises most first.
const (
	rankSame  = iota // in another checkout, where the project's is in its own
	rankOwn          // in the project's own checkout
	rankUsual        // in another checkout, where cargo has it if nothing is said
)

// siblings lists the other working trees of the repository in which something is built, and
// other checkouts with the same lockfile, those first that promise most: with the same
// lockfile, in a directory of the same name, at the same commit, built last. For a build
// directory of another name than cargo's, as an editor may have one of its own, the usual ones
// count as well, that of the checkout itself before the others.
func siblings(p *open.Project) []*candidate {
	ws := p.Checkout.Workspace
	lockfile, err := regular.Read(filepath.Join(ws.Root, "Cargo.lock"))
	if err != nil {
		return nil
	}
	var list []*candidate
	add := func(root, buildDir string, rank int, any bool) {
		if buildDir == ws.BuildDir || slices.ContainsFunc(list, func(c *candidate) bool { return c.buildDir == buildDir }) {
			return
		}
		c := &candidate{root: root, buildDir: buildDir, rank: rank}
		text, err := regular.Read(filepath.Join(root, "Cargo.lock"))
		if c.lockfile = err == nil && bytes.Equal(text, lockfile); c.lockfile || any && err == nil {
			if c.look() {
				list = append(list, c)
			}
		}
	}
	names := []string{usual}
	// Where it is elsewhere, nothing tells where that of another one is.
	if inside, err := filepath.Rel(ws.Root, ws.BuildDir); err == nil && filepath.IsLocal(inside) && inside != usual {
		names = []string{inside, usual}
	}
	add(ws.Root, filepath.Join(ws.Root, usual), rankOwn, false)
	for _, root := range othersOf(p) {
		for _, name := range names {
			rank := rankUsual
			if name == names[0] {
				rank = rankSame
			}
			add(root, filepath.Join(root, name), rank, true)
		}
	}
	for _, dir := range whereabouts.Claimed(filepath.Join(p.Store.Dir(), paths.StoreLeases)) {
		// What cargo makes where nothing is said: of others only cargo knows what they are of.
		if root, name := filepath.Split(dir); name == usual {
			add(filepath.Clean(root), dir, rankUsual, false)
		}
	}
	promise(list, p.Checkout.Head())
	return list
}

// othersOf are where the project's workspace is in other working trees of its repository.
func othersOf(p *open.Project) (roots []string) {
	repo := p.Checkout.Git
	if repo == nil {
		return nil
	}
	if rel, err := filepath.Rel(repo.Root, p.Checkout.Workspace.Root); err == nil && filepath.IsLocal(rel) {
		for _, tree := range repo.Siblings() {
			roots = append(roots, filepath.Join(tree, rel))
		}
	}
	return roots
}

// promise sorts candidates. The commits of those are read that come first without.
func promise(list []*candidate, head string) {
	const read = 8
	byBuilt := func(a, b *candidate) int {
		return cmp.Or(first(a.lockfile, b.lockfile), a.rank-b.rank, first(a.commit, b.commit), b.built.Compare(a.built), strings.Compare(a.root, b.root))
	}
	slices.SortFunc(list, byBuilt)
	top := list[:min(len(list), read)]
	for _, c := range top {
		c.commit = head != "" && git.HeadOf(c.root) == head
	}
	slices.SortFunc(top, byBuilt)
}

// maxLooked bounds how many working trees git is asked about, which takes it 10 to 50 ms each.
const maxLooked = 4

// uneditedFirst has one come first in which nothing is edited, of those that promise as much as
// the first but for when they were built: what an agent is at work on is built last, and of no
// use to a checkout of the commit. One that is edited itself may be a copy of such a one.
func uneditedFirst(ctx context.Context, p *open.Project, environment []string, list []*candidate) {
	same := 0
	for same < min(len(list), maxLooked) && list[same].commit && list[same].lockfile && list[same].rank == list[0].rank {
		same++
	}
	if same < 2 {
		return
	}
	if edited, err := p.Checkout.Git.Dirty(ctx); err != nil || edited {
		return
	}
	for i, c := range list[:same] {
		repo, err := git.Open(ctx, c.root, environment)
		if err != nil {
			continue
		}
		if edited, err := repo.Dirty(ctx); err == nil && !edited {
			copy(list[1:i+1], list[:i])
			list[0] = c
			return
		}
	}
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// look finds out when something was last built, and reports whether anything was.
func (c *candidate) look() bool {
	fi, err := os.Lstat(c.buildDir)
	if err != nil || !fi.IsDir() || justintime.IsHollow(c.buildDir) {
		return false
	}
	profiles, err := builddir.Profiles(c.buildDir)
	if err != nil || len(profiles) == 0 {
		return false
	}
	for _, profile := range profiles {
		for _, name := range []string{"", "deps", ".fingerprint", "build"} {
			fi, err := os.Lstat(filepath.Join(c.buildDir, profile, name))
			if err != nil {
				continue
			}
			c.classic = c.classic || name == ".fingerprint"
			if fi.ModTime().After(c.built) {
				c.built = fi.ModTime()
			}
		}
	}
	return true
}

// isSealed reports whether all that is built there is what a layer holds, as far as that shows
// at a glance: whatever rustc writes in the classic layout changes the directory it lies in
// (rustc_codegen_ssa, rustc_metadata: through a temporary name). In the other one, of cargo
// 1.100, each unit has a directory of its own.
func (c *candidate) isSealed(store string) bool {
	from := active.ReadProvenance(c.buildDir)
	if !c.classic || !from.OfLayer() || !rollback.Exists(filepath.Join(store, paths.StoreLayers, from.Layer)) {
		return false
	}
	said, err := os.Lstat(filepath.Join(c.buildDir, paths.TreeActive))
	return err == nil && c.built.Before(said.ModTime())
}

// isSealedFor reports whether a project finds that layer, too. One that nobody has asked for may be
// filed under what another checkout was built with.
func (c *candidate) isSealedFor(p *open.Project) bool {
	records := record.In(p.Store.Dir())
	r, err := records.Read(active.ReadProvenance(c.buildDir).Layer)
	if err == nil && r.Fingerprint != p.Checkout.Fingerprint.ID {
		if records.Remark(r); r.Automatic {
			return false
		}
	}
	return c.isSealed(p.Store.Dir())
}
