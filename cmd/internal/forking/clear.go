package forking

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/forks"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// removeBuilt removes the build directories that lie in a working tree, with what undo would
// bring back. It is quicker than git where they are trees, and fails where one is in use.
func removeBuilt(ctx context.Context, store *layers.Store, tree *git.Checkout, workspaces []string) error {
	if store == nil {
		return nil // git removes what lies in the working tree
	}
	for _, dir := range buildDirs(tree, workspaces) {
		// What is none of a form that we have made is left to git.
		if err := removeDir(ctx, store, filepath.Join(tree.Root, dir)); err != nil && !errors.Is(err, layers.ErrUnsuitable) {
			return err
		}
	}
	return nil
}

// removeDir removes a build directory, with what undo would bring back.
func removeDir(ctx context.Context, store *layers.Store, path string) error {
	undo := path + paths.UndoSuffix
	if !isThere(path) && !isThere(undo) || realPath(path) != path {
		return nil
	}
	always := func() bool { return true }
	if err := store.RemoveTree(ctx, whereabouts.Tree{Path: path, Of: path}, always); err != nil || !isThere(undo) {
		return err
	}
	return store.RemoveTree(ctx, whereabouts.Tree{Path: undo, Of: path, Undo: true}, always)
}

// buildDirs are those that a working tree has had or may have, as far as they lie in it,
// relative to its top.
func buildDirs(tree *git.Checkout, workspaces []string) []string {
	var all []string
	for _, dir := range tree.Built().Dirs {
		if filepath.IsLocal(dir) && dir != "." {
			all = appendNew(all, filepath.Clean(dir))
		}
	}
	for _, ws := range workspaces {
		all = appendNew(all, filepath.Join(ws, "target"))
	}
	return all
}

// removeBranch removes the branch of a fork, which is at a commit ("": there is none), unless a working tree
// has it checked out. Of what git had not come to make, its lock may be there: every git that
// the fork's maker had started has ended, as the claim is held here.
func removeBranch(ctx context.Context, repo *git.Checkout, c *forks.Claim, commit string) error {
	if c.Branch == "" {
		return nil
	}
	all, err := repo.ListWorktrees(ctx)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.Ref == c.Branch {
			return nil
		}
	}
	if err := repo.UnlockBranch(c.Branch); err != nil {
		return err
	}
	tips, err := repo.Tips(ctx, c.Branch)
	if err != nil || tips[c.Branch] == "" || commit == "" {
		return err
	}
	return repo.RemoveBranch(ctx, c.Branch, commit)
}
