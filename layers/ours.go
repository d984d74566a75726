package layers

import (
	"context"
	"slices"
	"strings"
)

// Ours returns a function that tells which of the layers belong to the place's project:
// sealed in a working tree of its repository, or from a commit that the repository has,
// or with the dependencies of the place. A working tree that is gone is known by its
// commits.
func (p *Place) Ours(ctx context.Context, list []Record) (func(*Record) bool, error) {
	roots := []string{p.Workspace.Root}
	known := map[string]bool{}
	if p.Git != nil {
		trees, err := p.Git.Worktrees(ctx)
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
		if known, err = p.Git.Known(ctx, commits); err != nil {
			return nil, err
		}
	}
	return func(r *Record) bool {
		if known[r.Commit] || p.Fingerprint != nil && r.Fingerprint == p.Fingerprint.ID {
			return true
		}
		return slices.ContainsFunc(roots, func(root string) bool {
			return r.Origin == root || strings.HasPrefix(r.Origin, root+"/")
		})
	}, nil
}
