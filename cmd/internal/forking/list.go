package forking

import (
	"context"
	"errors"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/forks"
)

// The states that List tells of.
const (
	unchanged = "unchanged"  // nothing was done in it
	merged    = "merged"     // all that was committed in it is on another branch
	changed   = "changed"    // something is not committed
	ahead     = "ahead"      // something that was committed is on no other branch
	gone      = "gone"       // somebody has removed the working tree
	halfMade  = "unfinished" // it is being made, or that was interrupted
)

// List tells of all forks, and what is in each that is nowhere else.
func (f *Forker) List(ctx context.Context) error {
	_, repo, err := f.repository(ctx)
	if err != nil {
		return err
	}
	unlock, err := f.lock(ctx, repo)
	if err != nil {
		return err
	}
	all, err := f.find(ctx, repo)
	if err = errors.Join(err, unlock()); err != nil {
		return err
	}
	tips, err := repo.Tips(ctx, forks.Branches)
	if err != nil {
		return err
	}
	table := ui.NewTable("NAME", "STATE", "BRANCH", "DIRECTORY")
	for _, x := range all {
		state, n, err := "", 0, error(nil)
		if n, err = x.only(ctx, repo, tips[x.Branch]); err != nil {
			return err
		}
		switch {
		case x.tree == nil:
			state = gone
		case !x.whole:
			state = halfMade
		case n > 0:
			state = ahead
		case x.worktree.Head == x.Base:
			state = unchanged
		default:
			state = merged
		}
		if x.tree != nil && x.whole {
			if dirty, err := x.tree.Dirty(ctx); err != nil {
				return err
			} else if dirty {
				state = changed
			}
		}
		f.Term.JSON("fork-state", struct {
			forks.Fork
			At      string `json:"at"` // its directory, which may have moved
			State   string `json:"state"`
			Commits int    `json:"commits"` // that are on no other branch
		}{x.Fork, x.directory(), state, n})
		text := state
		if n > 0 {
			text += ", " + phrase.Count(n, "commit")
		}
		table.Row(x.Name, text, short(x.Branch), x.directory())
	}
	f.Term.Table(table)
	return nil
}
