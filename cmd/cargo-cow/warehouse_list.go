package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

type warehouseListOptions struct {
	crate string
}

func newWarehouseList(a *app) *cobra.Command {
	var o warehouseListOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the records of the warehouse, the last used first",
		Long: `Lists what the wrapper can answer with, the last used first. COST is how long
compiling took, SIZE the size of the files. FILES says where they lie: loose in the
warehouse, in a layer, where they were built, or gone. What was compiled
incrementally after an edit is in a layer only after the next snapshot.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.warehouseList(cmd.Context(), o, time.Now()) },
	}
	cmd.Flags().StringVar(&o.crate, "crate", "", "list only those of the crate `NAME`")
	return cmd
}

func (a *app) warehouseList(ctx context.Context, o warehouseListOptions, now time.Time) error {
	w, err := a.warehouse(ctx)
	if err != nil {
		return err
	}
	list, err := w.List(ctx)
	if err != nil {
		return err
	}
	if o.crate != "" {
		list = slices.DeleteFunc(list, func(e warehouse.Entry) bool { return warehouse.Crate(e.Unit) != crateName(o.crate) })
	}
	slices.SortStableFunc(list, func(a, b warehouse.Entry) int { return b.Used.Compare(a.Used) })
	tab := ui.NewTable("KEY", "CRATE", "LAST USE", "COST", "SIZE", "FILES", "MADE IN")
	for i := range list {
		e := &list[i]
		a.term.JSON("record", report.NewRecordJSON(e))
		tab.Row(phrase.ID(e.Key), warehouse.Crate(e.Unit), phrase.Ago(e.Used, now), phrase.Cost(e.Cost.Milliseconds()), phrase.Size(e.Size()), phrase.Where(e.Location()), e.Dir)
	}
	a.term.Table(tab)
	return nil
}

// crateName is how rustc calls a crate that the user may call by its package.
func crateName(name string) string { return strings.ReplaceAll(name, "-", "_") }
