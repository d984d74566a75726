package postcheckout

import (
	"context"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/git"
)

// wholeCheckout reads the arguments of git's post-checkout hook: the previous
// HEAD, the new one, and 1 unless single files were checked out. No arguments:
// asked for by hand.
func wholeCheckout(args []string) bool {
	return len(args) == 0 || len(args) == 3 && args[2] == "1"
}

// newWorktree: the null id as the previous HEAD means that there was none.
func newWorktree(args []string) bool {
	return len(args) == 0 || strings.Trim(args[0], "0") == ""
}

// rebasing: what a rebase checks out is on its way to something else. Before it
// leaves traces in the repository it names itself for the reflog.
func (h *Hook) rebasing(repo *git.Checkout) bool {
	return repo.Rebasing() || slices.ContainsFunc(h.Environ, func(kv string) bool {
		action, ok := strings.CutPrefix(kv, "GIT_REFLOG_ACTION=")
		return ok && strings.Contains(action, "rebase")
	})
}

// follows reports whether the build directories of a working tree are to follow
// it from one commit to another.
func follows(ctx context.Context, repo *git.Checkout, old, new string) (bool, error) {
	if old == new || !repo.SwitchOn() {
		return false, nil
	}
	same, err := repo.SameTree(ctx, old, new)
	return !same, err
}
