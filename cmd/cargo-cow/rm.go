package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/layers"
)

func newRm(a *app) *cobra.Command {
	var dryRun, wait bool
	cmd := &cobra.Command{
		Use:   "rm LAYER...",
		Short: "Remove layers",
		Long: `Removes the named layers, whether they have labels or not. LAYER is an id or its
first characters (4 or more), a label, or latest; if several layers have the same
label, it means the newest of them. A layer that check reports as damaged is named
by its whole id.

Nothing depends on a layer: what was restored from it, and layers made from it,
stay as they are. A layer that is being restored is not removed (code 5). If one
layer cannot be removed, the others still are (code 3). All of them go with
` + "`cargo cow store remove`" + `.`,
		Example: `  cargo cow rm green 1a2b3c4d`,
		Args:    exit.AtLeastOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.rm(cmd.Context(), args, dryRun, wait)
		},
	}
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "say what would be removed, and change nothing")
	cmd.Flags().BoolVar(&wait, "wait", false, "return only when all is gone from the disk, where that goes file by file")
	return cmd
}

func (a *app) rm(ctx context.Context, refs []string, dryRun, wait bool) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	r := pruning.NewRemoval(a.term, st, dryRun, a.term.Status)
	r.Soon = !wait
	defer r.Sweep(a.environ)
	// All are found before the first goes, so that "latest" is one layer.
	var found []*layers.Record
	for _, ref := range refs {
		rec, err := st.Removable(ctx, ref)
		if err != nil {
			r.Failed(err)
		} else if !slices.ContainsFunc(found, func(f *layers.Record) bool { return f.ID == rec.ID }) {
			found = append(found, rec)
		}
	}
	for _, rec := range found {
		err := r.Remove(ctx, rec)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Failed(err)
		}
	}
	return r.End()
}
