package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

type listOptions struct {
	graph bool
}

func newList(a *app) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the layers of the store, newest first",
		Long: `Lists all layers of the store, those of other projects included, newest first.
A plus after a commit marks changes that were not committed.

With --graph each layer stands above the one it was made from, and the lineages
come one after the other. The last layer of each, drawn as o, was made from
nothing, or from a layer that is gone. "here" marks the one that the build
directory of this checkout was made from, or last sealed as.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.list(cmd.Context(), o, time.Now()) },
	}
	cmd.Flags().BoolVar(&o.graph, "graph", false, "draw which layer was made from which")
	return cmd
}

func (a *app) anyStore(ctx context.Context) (*layers.Store, error) {
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	return s.AnyStore(ctx)
}

func (a *app) list(ctx context.Context, o listOptions, now time.Time) error {
	s, err := a.session()
	if err != nil {
		return err
	}
	st, err := s.AnyStore(ctx)
	if err != nil {
		return err
	}
	records, err := st.Layers(ctx)
	if err != nil {
		return err
	}
	tab := ui.NewTable("LAYER", "", "CREATED", "UNITS", "COMMIT", "LABEL", "ORIGIN")
	tab.OmitEmpty()
	if o.graph {
		a.graph(tab, records, madeFrom(ctx, s), now)
	} else {
		for i := range records {
			a.term.JSON("layer", &records[i])
			layerRow(tab, "", &records[i], "", now)
		}
	}
	a.term.Table(tab)
	return nil
}

func layerRow(tab *ui.Table, art string, r *layers.Record, mark string, now time.Time) {
	tab.Row(art+short(r.ID), mark, ago(r.Created, now), strconv.Itoa(r.Units), built(r), r.Label, r.Origin)
}

// graph draws the lineage of the layers and marks one of them.
func (a *app) graph(tab *ui.Table, records []layers.Record, marked string, now time.Time) {
	pen := ascii
	if a.term.Boxes() {
		pen = boxes
	}
	for _, line := range draw(records, pen) {
		if line.layer == nil {
			tab.Row(line.art)
			continue
		}
		here := line.layer.ID == marked
		a.term.JSON("layer", struct {
			*layers.Record
			Here bool `json:"here,omitempty"`
		}{line.layer, here})
		mark := ""
		if here {
			mark = "here"
		}
		layerRow(tab, line.art, line.layer, mark, now)
	}
}

// madeFrom returns the layer that the checkout's build directory was made from,
// "" where that is not known, or no checkout is.
func madeFrom(ctx context.Context, s *open.Session) string {
	p, err := s.Place(ctx)
	if err != nil {
		return ""
	}
	return layers.MadeFrom(p)
}
