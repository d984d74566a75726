package postcheckout

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
)

// Run does the hook's work. args are those of git (wholeCheckout).
func (h *Hook) Run(ctx context.Context, args []string) {
	if program, err := spawn.Program(); err == nil && git.AnswerProbe(h.Environ, program) {
		return
	}
	if slices.Contains(h.Environ, git.HookOff) || justintime.IsOff(h.Environ) || !wholeCheckout(args) {
		return
	}
	if err := h.afterCheckout(ctx, args); err != nil {
		h.failed(err)
	}
}

func (h *Hook) afterCheckout(ctx context.Context, args []string) error {
	s, err := h.Session("")
	if err != nil {
		return err
	}
	repo, err := s.Repository(ctx)
	if errors.Is(err, git.ErrNotRepository) || errors.Is(err, git.ErrNoGit) {
		return nil
	}
	if err != nil {
		return err
	}
	built := repo.Built()
	t := workingTree{hook: h, repo: repo, built: built, isNew: newWorktree(args)}
	if !t.isNew {
		if h.rebasing(repo) {
			return nil
		}
		if t.follow, err = follows(ctx, repo, args[0], args[1]); err != nil {
			return err
		}
		if built.All && !t.follow {
			return nil // a line in a shared hook has us started at every checkout
		}
	}
	m, err := open.ReadMemory(repo)
	if err != nil {
		return err
	}
	if len(m.Workspaces) == 0 {
		return nil
	}
	all := true
	for _, ws := range m.Workspaces {
		dir := filepath.Join(repo.Root, ws)
		if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err != nil {
			all = false // not in this commit, or not yet checked out
			continue
		}
		settled, err := t.workspace(ctx, dir)
		if err != nil {
			h.failed(err) // which does not keep the others from it
		}
		all = all && settled
	}
	// Where nothing can be noted, the next checkout looks again.
	_ = repo.NoteBuilt(all, t.dirs...)
	return nil
}
