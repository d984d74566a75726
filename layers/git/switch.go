package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SameTree reports whether two commits hold the same files: going from one to the
// other, git rewrites none. The error wraps ErrUnknownCommit when an id is none.
func (c *Checkout) SameTree(ctx context.Context, a, b string) (bool, error) {
	for _, id := range []string{a, b} {
		if !isID(id) {
			return false, fmt.Errorf("compare commits: %w %q", ErrUnknownCommit, id)
		}
	}
	out, err := c.Run(ctx, "rev-parse", a+"^{tree}", b+"^{tree}")
	if err != nil {
		return false, fmt.Errorf("compare commits: %w", err)
	}
	trees := strings.Fields(string(out))
	return len(trees) == 2 && trees[0] == trees[1], nil
}

// Tracks reports whether a commit of the checkout has brought path, or anything in it.
func (c *Checkout) Tracks(ctx context.Context, path string) (bool, error) {
	rel, err := filepath.Rel(c.Root, path)
	if err != nil || !filepath.IsLocal(rel) {
		return false, nil
	}
	out, err := c.Run(ctx, "--literal-pathspecs", "ls-files", "-z", "--", rel)
	if err != nil {
		return false, fmt.Errorf("see whether git tracks %s: %w", path, err)
	}
	return len(out) > 0, nil
}

// Rebasing reports whether git is amid a rebase, or applies mails: what is checked
// out then is a step on the way, and will be replaced (git 2.39, wt-status.c:
// wt_status_check_rebase).
func (c *Checkout) Rebasing() bool {
	for _, name := range []string{"rebase-merge", "rebase-apply"} {
		if _, err := os.Lstat(filepath.Join(c.GitDir, name)); err == nil {
			return true
		}
	}
	return false
}
