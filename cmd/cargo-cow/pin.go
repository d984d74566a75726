package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers"
)

func newPin(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "pin LAYER",
		Short: "Keep a layer from being removed",
		Long: `Pins a layer: neither prune nor rm removes it until ` + "`cargo cow unpin`" + `, whatever they are
told; only ` + "`cargo cow store remove`" + ` does. LAYER is an id or its first characters (4 or more),
a label, or latest.`,
		Example: `  cargo cow pin green`,
		Args:    exit.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.pin(cmd.Context(), args[0], true) },
	}
}

func newUnpin(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "unpin LAYER",
		Short:   "Let a layer be removed again",
		Long:    `Takes back what pin did. LAYER is an id or its first characters, a label, or latest.`,
		Example: `  cargo cow unpin green`,
		Args:    exit.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.pin(cmd.Context(), args[0], false) },
	}
}

func (a *app) pin(ctx context.Context, ref string, pinned bool) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	r, changed, err := st.SetPinned(ctx, ref, pinned)
	if err != nil {
		return err
	}
	a.term.JSON("pin", struct {
		*layers.Record
		Changed bool `json:"changed"`
	}{r, changed})
	verb := "Unpinned"
	if pinned {
		verb = "Pinned"
	}
	if !changed {
		verb = "Unchanged"
	}
	a.term.Status(verb, "%s  %s", phrase.ID(r.ID), phrase.Origin(r))
	return nil
}
