package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/layers/git"
)

func newHook(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Restore from git's post-checkout hook",
		Long: `With the hook, ` + "`git worktree add`" + ` restores the build directory in the new
worktree. Installed with --switch, the hook also acts when git goes to another
commit in a working tree: by git switch, checkout or bisect, but not in a rebase.
It then replaces the build directory if a layer leaves less to compile; unlike
` + "`cargo cow switch`" + `, it seals nothing first. CARGO_COW_HOOK=off in the environment
keeps the hook from doing anything.

A working tree that never had a build directory gets one at its next checkout,
however the tree was made (git worktree add --no-checkout, sparse checkouts). One
that cargo clean has emptied stays empty. If something was missing when it was
restored, a submodule for instance, later checkouts look for it again until
something is built.

What a checkout brings is not run by the hook: where it brings configuration of
cargo or rustup under which no command of this program was run yet, the hook says so
and restores nothing. ` + "`cargo cow restore`" + ` there makes it known.

In repositories where init was never run, the hook does nothing. A hook that is
there already keeps all its lines. If core.hooksPath leads out of the repository,
nothing is written and the line to add is shown; with husky, the line goes into the
file that husky runs. To find out whether git reaches the hook, install and status
run the hooks as git checkout of the present commit does, for a minute at most.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	sub := func(use, text string, do func(context.Context, *git.Checkout) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: text, Long: text + ".", Args: exit.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
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
	install.Flags().BoolVar(&onSwitch, "switch", false, "also restore when another commit is checked out; --switch=false undoes that")
	cmd.AddCommand(
		install,
		sub("remove", "Remove the hook", a.removeHook),
		sub("status", "Say whether git reaches the hook", a.hookStatus),
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
		a.statusLines("git does not reach cargo-cow there" + whyUnreached(reach) + "; " + h.ByHand())
	}
	a.term.Detail("Ran", "%s", strings.Join(reach.Ran, " "))
	return nil
}
