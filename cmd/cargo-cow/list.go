package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

func newList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the layers of the store, newest first",
		Long: `Lists all layers of the store, those of other projects included, newest first.
A plus after a commit marks changes that were not committed.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.list(cmd.Context(), time.Now()) },
	}
}

func (a *app) anyStore(ctx context.Context) (*layers.Store, error) {
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	return s.AnyStore(ctx)
}

func (a *app) list(ctx context.Context, now time.Time) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	records, err := st.Layers(ctx)
	if err != nil {
		return err
	}
	tab := ui.NewTable("LAYER", "CREATED", "UNITS", "COMMIT", "LABEL", "ORIGIN")
	for i := range records {
		r := &records[i]
		a.term.JSON("layer", r)
		tab.Row(short(r.ID), ago(r.Created, now), strconv.Itoa(r.Units), built(r), r.Label, r.Origin)
	}
	a.term.Table(tab)
	return nil
}
