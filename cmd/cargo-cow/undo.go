package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/layers"
)

type undoOptions struct {
	noWait bool
	dryRun bool
}

func newUndo(a *app) *cobra.Command {
	var o undoOptions
	cmd := &cobra.Command{
		Use:   "undo",
		Short: "Bring back the build directory as it was before the last restore",
		Long: `Exchanges the build directory with the one that the last restore replaced. It
takes cargo's own locks, as restore does.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.undo(cmd.Context(), o) },
	}
	cmd.Flags().BoolVarP(&o.dryRun, "dry-run", "n", false, "say whether there is something to bring back, and change nothing")
	cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "fail with code 5 if cargo is building")
	return cmd
}

func (a *app) undo(ctx context.Context, o undoOptions) error {
	p, err := a.openUnresolved(ctx)
	if err != nil {
		return err
	}
	if o.dryRun {
		rep, err := p.Store.Undoable(p.Checkout)
		if err != nil {
			return err
		}
		a.term.JSON("undo", struct {
			*layers.UndoReport
			DryRun bool `json:"dry_run"`
		}{rep, true})
		a.term.Status("Would", "bring back %s", rep.BuildDir)
		return nil
	}
	rep, err := p.Store.Undo(ctx, p.Checkout, o.noWait, a.term.Blocking)
	if err != nil {
		return err
	}
	a.term.JSON("undo", rep)
	a.term.Status("Brought back", "%s", rep.BuildDir)
	return nil
}
