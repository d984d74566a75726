package rustc

import (
	"context"
	"errors"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// macroCommit adds what git says of the checkout, where a macro that may run in this call
// may ask: the commit, the branch, all tags, and which files differ from the commit.
// Packages that cannot change lie in a checkout that does not change either, or in none.
func (u *unit) macroCommit() error {
	asks := slices.ContainsFunc(u.macrosInCall(), func(m Macro) bool { return m.Reach.AsksGit() })
	if !asks || u.immutable() {
		return nil
	}
	ctx := context.Background()
	co, err := git.Open(ctx, u.Dir, u.Environ)
	if errors.Is(err, git.ErrNotRepository) || errors.Is(err, git.ErrNoGit) {
		u.add("commit", "none")
		return nil
	}
	if err == nil {
		u.add("commit", co.Head)
		u.add("branch", co.Ref)
		err = u.tagsAndChanges(ctx, co)
	}
	if err != nil {
		return &Uncacheable{"macro that may ask git", err.Error()}
	}
	return nil
}

func (u *unit) tagsAndChanges(ctx context.Context, co *git.Checkout) error {
	tags, _, err := co.Tags(ctx)
	if err != nil {
		return err
	}
	u.add("tags", digest.OfText(tags))
	changes, err := co.Changes(ctx)
	if err != nil {
		return err
	}
	u.add("changed files", digest.OfText(changes))
	return nil
}
