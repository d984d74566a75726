package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

func newLabel(a *app) *cobra.Command {
	remove := false
	cmd := &cobra.Command{
		Use:   "label LAYER LABEL",
		Short: "Give a layer another label",
		Long: `Gives LAYER the label LABEL in place of any label it has; with --remove, takes its
label away. LAYER is an id or its first characters (4 or more), a label, or latest.
If several layers have the same label, the label means the newest of them. A layer
with a label is not pruned.`,
		Example: `  cargo cow label latest green
  cargo cow label green --remove`,
		Args: func(cmd *cobra.Command, args []string) error {
			if remove {
				return exit.ExactArgs(1)(cmd, args)
			}
			return exit.ExactArgs(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			label := ""
			if !remove {
				label = args[1]
				err := record.CheckLabel(label)
				if label == "" {
					err = errors.New("use an empty label: take it away with --remove")
				}
				if err != nil {
					return exit.Usage(err)
				}
			}
			return a.label(cmd.Context(), args[0], label)
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "take the label away")
	return cmd
}

func (a *app) label(ctx context.Context, ref, label string) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	r, changed, err := st.SetLabel(ctx, ref, label)
	if err != nil {
		return err
	}
	a.term.JSON("label", struct {
		*layers.Record
		Changed bool `json:"changed"`
	}{r, changed})
	called := r.Label
	if called == "" {
		called = "without a label"
	}
	verb := "Labelled"
	if !changed {
		verb = "Unchanged"
	}
	a.term.Status(verb, "%s: %s", phrase.ID(r.ID), called)
	return nil
}
