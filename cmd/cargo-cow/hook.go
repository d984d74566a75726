package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/layers/git"
)

var errNoHookWithoutGit = errors.New("install hook: not in a git checkout")

func newHook(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Restore in new worktrees by git's post-checkout hook",
		Long: `With the hook, ` + "`git worktree add`" + ` restores the build directory in the new
worktree. In other checkouts, and in repositories that never ran init, it does
nothing. A hook that is there already keeps all its lines; where core.hooksPath
leads out of the repository, nothing is written and the line to add is shown.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	sub := func(use, text string, do func(context.Context, *git.Checkout) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: text, Long: text + ".", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.session()
			if err != nil {
				return err
			}
			repo, err := s.Repository(cmd.Context())
			if err != nil {
				return err
			}
			return do(cmd.Context(), repo)
		}}
	}
	cmd.AddCommand(
		sub("install", "Install the hook, or update it", a.installHook),
		sub("remove", "Take the hook out again", a.removeHook),
		sub("status", "Say whether the hook is installed", a.hookStatus),
	)
	return cmd
}

func (a *app) installHook(ctx context.Context, repo *git.Checkout) error {
	program, err := programPath()
	if err != nil {
		return err
	}
	h, err := repo.InstallHook(ctx, program)
	if err != nil {
		return err
	}
	a.hookJSON(h)
	a.term.Status("Installed", "%s", h.Path)
	return nil
}

func (a *app) removeHook(ctx context.Context, repo *git.Checkout) error {
	h, err := repo.RemoveHook(ctx)
	if err != nil {
		return err
	}
	a.hookJSON(h)
	a.term.Status("Removed", "our part of %s", h.Path)
	return nil
}

func (a *app) hookStatus(ctx context.Context, repo *git.Checkout) error {
	h, err := repo.HookState(ctx)
	if err != nil {
		return err
	}
	a.hookJSON(h)
	a.term.Println("%s: %s", h.State, h.Path)
	return nil
}

func (a *app) hookJSON(h *git.Hook) {
	a.term.JSON("hook", struct {
		State   git.HookState `json:"state"`
		Path    string        `json:"path"`
		Program string        `json:"program,omitempty"`
		Shared  bool          `json:"shared,omitempty"`
	}{h.State, h.Path, h.Program, h.Shared})
}

// programPath is where this program is found again later. The name it was
// called by goes before what the kernel makes of it: that may be the inside of a
// package manager's directory of versions.
func programPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return self, nil
	}
	if called, err = filepath.Abs(called); err != nil {
		return self, nil
	}
	x, errx := os.Stat(self)
	y, erry := os.Stat(called)
	if errx == nil && erry == nil && os.SameFile(x, y) {
		return called, nil
	}
	return self, nil
}
