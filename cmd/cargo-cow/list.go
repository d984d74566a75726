package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/lineage"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/active"
)

type listOptions struct {
	graph bool
	here  bool
	limit int
	label string
}

// maxSizing is how long list lets one wait for sizes that nobody has measured yet. The
// next time they are known.
const maxSizing = time.Second

func newList(a *app) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the layers of the store, newest first",
		Long: `Lists all layers in the store, including those of other projects, newest first. A
plus after a commit marks changes that were not committed. SIZE is what a layer
would take if it shared no data; layers share most of theirs. A SIZE that was not
measured yet is left empty, and is there the next time.

With --here, lists only the layers of this project: those built in a working tree
of this repository or from one of its commits, and those that have the
dependencies of this checkout.

With --graph, each layer stands above the one it was made from, one lineage after
the other. The last layer of a lineage, drawn as o, was made from nothing, or from
a layer that no longer exists. "here" marks the layer that the build directory of
this checkout was made from, or last sealed as.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("limit") && o.limit < 1 {
				return exit.Usage(fmt.Errorf("list %d layers: want 1 or more", o.limit))
			}
			if _, err := path.Match(o.label, ""); err != nil {
				return exit.Usage(fmt.Errorf("list layers with label %q: %w", o.label, err))
			}
			return a.list(cmd.Context(), o, time.Now())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.graph, "graph", false, "draw which layer was made from which")
	f.BoolVar(&o.here, "here", false, "list only the layers of this project")
	f.IntVar(&o.limit, "limit", 0, "list only the `N` newest layers")
	f.StringVar(&o.label, "label", "", "list only layers with the label `LABEL`, in which * stands for any text")
	return cmd
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
	if records, err = o.choose(ctx, s, records); err != nil {
		return err
	}
	l := listing{Table: ui.NewTable("LAYER", "", "CREATED", "UNITS", "SIZE", "COMMIT", "LABEL", "ORIGIN"), now: now}
	l.OmitEmpty()
	if l.sizes, err = st.Sizes(ctx, records, maxSizing); err != nil {
		return err
	}
	if o.graph {
		a.graph(&l, records, madeFrom(ctx, s))
	} else {
		for i := range records {
			a.term.JSON("layer", l.json(&records[i], false))
			l.row("", &records[i], "")
		}
	}
	a.term.Table(l.Table)
	return nil
}

// choose leaves those layers that are asked for.
func (o *listOptions) choose(ctx context.Context, s *open.Session, list []layers.Record) ([]layers.Record, error) {
	if o.label != "" {
		list = slices.DeleteFunc(list, func(r layers.Record) bool {
			ok, err := path.Match(o.label, r.Label)
			return !ok || err != nil || r.Label == ""
		})
	}
	if o.here {
		checkout, err := s.Unresolved(ctx)
		if err != nil {
			return nil, err
		}
		ours, err := open.OfProject(ctx, checkout, list)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(r layers.Record) bool { return !ours(&r) })
	}
	if o.limit > 0 {
		list = list[:min(len(list), o.limit)]
	}
	return list, nil
}

// A listing is a table of layers.
type listing struct {
	*ui.Table
	sizes map[string]int64
	now   time.Time
}

func (l *listing) row(art string, r *layers.Record, mark string) {
	takes := ""
	if n, ok := l.sizes[r.ID]; ok {
		takes = phrase.Size(n)
	}
	l.Row(art+phrase.ID(r.ID), mark, phrase.Ago(r.Created, l.now), strconv.Itoa(r.Units), takes, phrase.Commit(r), phrase.Label(r), r.Origin)
}

func (l *listing) json(r *layers.Record, here bool) any {
	return struct {
		*layers.Record
		Size int64 `json:"size,omitempty"`
		Here bool  `json:"here,omitempty"`
	}{r, l.sizes[r.ID], here}
}

// graph draws the lineage of the layers and marks one of them.
func (a *app) graph(l *listing, records []layers.Record, marked string) {
	pen := lineage.ASCII
	if a.term.Boxes() {
		pen = lineage.Boxes
	}
	for _, line := range lineage.Draw(records, pen) {
		if line.Layer == nil {
			l.Row(line.Art)
			continue
		}
		here := line.Layer.ID == marked
		a.term.JSON("layer", l.json(line.Layer, here))
		mark := ""
		if here {
			mark = "here"
		}
		l.row(line.Art, line.Layer, mark)
	}
}

// madeFrom returns the layer that the checkout's build directory was made from,
// "" where that is not known, or no checkout is.
func madeFrom(ctx context.Context, s *open.Session) string {
	checkout, err := s.Unresolved(ctx)
	if err != nil {
		return ""
	}
	if from := active.ReadProvenance(checkout.Workspace.BuildDir); from.OfLayer() {
		return from.Layer
	}
	return ""
}
