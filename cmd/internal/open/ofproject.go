package open

import (
	"context"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers"
)

// OfProject returns a function that tells which of the layers belong to the checkout's project:
// sealed in a working tree of its repository, or from a commit that the repository has,
// or with the dependencies of the checkout. A working tree that is gone is known by its
// commits.
func OfProject(ctx context.Context, co *layers.Checkout, list []layers.Record) (func(*layers.Record) bool, error) {
	roots := []string{co.Workspace.Root}
	known := map[string]bool{}
	if co.Git != nil {
		trees, err := co.Git.Worktrees(ctx)
		if err != nil {
			return nil, err
		}
		roots = append(roots, trees...)
		var commits []string
		for i := range list {
			if c := list[i].Commit; c != "" && !slices.Contains(commits, c) {
				commits = append(commits, c)
			}
		}
		if known, err = co.Git.Known(ctx, commits); err != nil {
			return nil, err
		}
	}
	return func(r *layers.Record) bool {
		if known[r.Commit] || co.Fingerprint != nil && r.Fingerprint == co.Fingerprint.ID {
			return true
		}
		return slices.ContainsFunc(roots, func(root string) bool {
			return r.Origin == root || strings.HasPrefix(r.Origin, root+"/")
		})
	}, nil
}
