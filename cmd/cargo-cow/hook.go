package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/layers/git"
)

func newHook(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Restore by git's post-checkout hook",
		Long: `With the hook, ` + "`git worktree add`" + ` restores the build directory in the new
worktree. Installed with --switch, it does so as well when git goes to another
commit in a working tree: by git switch, checkout or bisect, but not in a rebase.
Then the build directory is replaced if a layer leaves less to be compiled;
unlike ` + "`cargo cow switch`" + `, nothing is sealed before. CARGO_COW_HOOK=off in the
environment keeps the hook from doing anything.

A working tree without a build directory that never had one gets it at its next
checkout, however it was made (git worktree add --no-checkout, sparse
checkouts); one that cargo clean has emptied stays empty. What was missing when
it was restored, a submodule for instance, is looked for again at the checkouts
that follow, until something is built.

In repositories that never ran init it does nothing. A hook that is there already
keeps all its lines; where core.hooksPath leads out of the repository, nothing is
written and the line to add is shown, but husky gets it in the file that it runs.
Whether git comes to the hook is found out by running: install and status run the
hooks as git checkout of the present commit does, a minute at most.`,
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
	var install *cobra.Command
	onSwitch := false
	install = sub("install", "Install the hook, or update it", func(ctx context.Context, repo *git.Checkout) error {
		was := repo.SwitchOn()
		if install.Flags().Changed("switch") {
			if err := repo.SetSwitch(onSwitch); err != nil {
				return err
			}
		}
		return a.installHook(ctx, repo, was != repo.SwitchOn())
	})
	install.Flags().BoolVar(&onSwitch, "switch", false, "restore when another commit is checked out, too; --switch=false undoes that")
	cmd.AddCommand(
		install,
		sub("remove", "Take the hook out again", a.removeHook),
		sub("status", "Say whether git comes to the hook", a.hookStatus),
	)
	return cmd
}

func (a *app) removeHook(ctx context.Context, repo *git.Checkout) error {
	h, err := repo.RemoveHook(ctx)
	on := repo.SwitchOn()
	if err == nil {
		err = repo.SetSwitch(false)
	}
	if err != nil {
		return err
	}
	a.hookJSON(repo, h, nil)
	if h.Changed || on {
		a.term.Status("Removed", "our part of %s", h.File())
	} else {
		a.term.Status("Unchanged", "%s, which has no part of ours", h.File())
	}
	return nil
}

func (a *app) hookStatus(ctx context.Context, repo *git.Checkout) error {
	h, err := repo.HookState(ctx)
	if err != nil {
		return err
	}
	reach, err := repo.ProbeHook(ctx, os.TempDir())
	if err != nil {
		return err
	}
	h.Reach(reach)
	a.hookJSON(repo, h, reach)
	a.term.Println("%s: %s%s", h.State, h.File(), hookScope(repo))
	if h.State == git.HookUnreached {
		a.statusLines("git does not come to cargo-cow there" + whyUnreached(reach) + "; " + h.ByHand())
	}
	a.term.Detail("Ran", "%s", strings.Join(reach.Ran, " "))
	return nil
}
