package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/git"
)

type switchOptions struct {
	create string
	detach bool
	noWait bool
}

func newSwitch(a *app) *cobra.Command {
	var o switchOptions
	cmd := &cobra.Command{
		Use:   "switch [flags] [--] [GIT-FLAG]... [BRANCH|COMMIT]",
		Short: "Switch to another branch, and the build directory with it",
		Long: `Seals the build directory as the state of the current branch, runs ` + "`git switch`" + `,
and restores the layer that best fits what is then checked out; plain cargo
compiles the rest. If no layer leaves less to compile, the build directory is kept
as it is. ` + "`cargo cow undo`" + ` brings a replaced build directory back.

If git does not switch, nothing is restored, and the exit code is git's. Arguments
after -- are passed to git.`,
		Example: `  cargo cow switch main
  cargo cow switch -c feature main
  cargo cow switch --detach v1.2.0
  cargo cow switch -- --discard-changes main`,
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && o.create == "" {
				return exit.ExactArgs(1)(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.switchTo(cmd.Context(), o, args) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.create, "create", "c", "", "create the branch `NAME`, at BRANCH or COMMIT if given")
	f.BoolVarP(&o.detach, "detach", "d", false, "check out the commit without a branch")
	f.BoolVar(&o.noWait, "no-wait", false, "fail with code 5 if cargo is building")
	return cmd
}

// command is what git is run with.
func (o switchOptions) command(args []string) []string {
	git := []string{"git", "switch"}
	if o.create != "" {
		git = append(git, "--create", o.create)
	}
	if o.detach {
		git = append(git, "--detach")
	}
	return append(git, args...)
}

func (a *app) switchTo(ctx context.Context, o switchOptions, args []string) error {
	if err := a.sealBeforeSwitch(ctx, o); err != nil {
		return err
	}
	code, err := a.runGit(o.command(args))
	if err != nil {
		return err
	}
	if code != 0 || ctx.Err() != nil {
		return exit.Silently(code)
	}
	// Another commit may be another project: everything is asked again.
	p, err := a.open(ctx)
	if errors.Is(err, project.ErrNoPackage) {
		return nil
	}
	if err != nil {
		return exit.Partly(err)
	}
	rep, err := p.Store.Switch(ctx, p.Checkout, layers.SwitchOptions{Strict: p.Strict(), NoWait: o.noWait, Notify: a.term.Blocking})
	if err != nil {
		return exit.Partly(err)
	}
	p.NoteBuilt()
	report.Switch(a.term, rep)
	return nil
}

// sealBeforeSwitch takes a snapshot if there is anything to take one of.
func (a *app) sealBeforeSwitch(ctx context.Context, o switchOptions) error {
	p, err := a.open(ctx)
	if errors.Is(err, project.ErrNoPackage) {
		return nil // none in the commit that is left
	}
	if err != nil {
		return err
	}
	if p.Checkout.Git == nil {
		return fmt.Errorf("switch %s: %w", p.Dir(), git.ErrNotRepository)
	}
	if err := p.HideUndo(report.UndoSeen(a.term)); err != nil {
		return err
	}
	if err := p.Store.Writable(); layers.IsReadOnly(err) {
		// The branch is what was asked for; undo keeps what is replaced.
		a.term.Warn("nothing is sealed: %v", err)
		return nil
	}
	rep, err := p.Store.Snapshot(ctx, p.Checkout, layers.SnapshotOptions{NoWait: o.noWait, Notify: a.term.Blocking})
	if errors.Is(err, layers.ErrNoTarget) {
		return nil
	}
	if err != nil {
		return err
	}
	if rep.CreatedNew {
		report.Snapshot(a.term, rep)
	}
	return nil
}

// runGit runs git on our streams, but what it says is no result of ours: with
// --json it goes to stderr. The hook leaves the build directory to us.
func (a *app) runGit(command []string) (code int, err error) {
	s, err := a.session()
	if err != nil {
		return 0, err
	}
	child := *a
	child.environ = append(slices.Clone(a.environ), git.HookOff)
	if a.term.JSONMode() {
		child.stdout = a.stderr
	}
	return child.runChild(s.Dir(), command)
}
