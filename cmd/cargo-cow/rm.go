package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/layers"
)

type rmOptions struct {
	dryRun bool
	all    bool
	yes    bool
}

func newRm(a *app) *cobra.Command {
	var o rmOptions
	cmd := &cobra.Command{
		Use:   "rm LAYER...",
		Short: "Remove layers, or the whole store",
		Long: `Removes the named layers, whether they have labels or not. LAYER is an id or its
first characters (4 or more), a label, or latest; if several layers have the same
label, it means the newest of them. A layer that check reports as damaged is named
by its whole id.

Nothing depends on a layer: what was restored from it, and layers made from it,
stay as they are. A layer that is being restored is not removed (code 5). If one
layer cannot be removed, the others still are (code 3).

With --all, the whole store is removed: all layers, the warehouse, and the
directory itself, which rm -rf cannot remove where layers are read-only. Build
directories stay as they are. Without --yes, it only says what would be removed.`,
		Example: `  cargo cow rm green 1a2b3c4d
  cargo cow rm --all --yes`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case o.all:
				return exit.NoArgs(cmd, args)
			case o.yes:
				return exit.Usage(errors.New("remove layers: --yes goes with --all"))
			}
			return exit.AtLeastOne(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.all {
				return a.rmStore(cmd.Context(), o)
			}
			return a.rm(cmd.Context(), args, o)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "remove the store and everything in it")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "with --all, remove, and do not only say what would be removed")
	cmd.Flags().BoolVarP(&o.dryRun, "dry-run", "n", false, "say what would be removed, and change nothing")
	return cmd
}

func (a *app) rm(ctx context.Context, refs []string, o rmOptions) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	r := pruning.NewRemoval(a.term, st, o.dryRun, a.term.Status)
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

// rmStore removes the store. Nothing is asked, so it takes a second word.
func (a *app) rmStore(ctx context.Context, o rmOptions) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	list, err := st.Layers(ctx)
	if err != nil {
		return err
	}
	labels := 0
	for i := range list {
		if list[i].Label != "" {
			labels++
		}
	}
	really := o.yes && !o.dryRun
	if really {
		if err := st.RemoveStore(ctx); err != nil {
			return err
		}
	}
	a.term.JSON("remove-store", struct {
		Store    string `json:"store"`
		Layers   int    `json:"layers"`
		Labelled int    `json:"labelled"`
		DryRun   bool   `json:"dry_run,omitempty"`
	}{st.Dir(), len(list), labels, !really})
	text := fmt.Sprintf("%s with %s, %d of them labelled, and its warehouse", st.Dir(), phrase.Count(len(list), "layer"), labels)
	if really {
		a.term.Status("Removed", "%s", text)
		return nil
	}
	a.term.Status("Would", "remove %s", text)
	if !o.dryRun {
		a.term.Status("Note", "add --yes to remove it")
	}
	return nil
}
