package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

type warehouseShowOptions struct {
	all bool
}

func newWarehouseShow(a *app) *cobra.Command {
	var o warehouseShowOptions
	cmd := &cobra.Command{
		Use:   "show [flags] KEY",
		Short: "Show a record: where it was made, its files and its inputs",
		Long: `Shows one record of the warehouse: where its files were made, when they were last
used, where they may be used, where they lie, and what they were compiled from.
KEY is one of "cargo cow warehouse list", or its first characters (4 or more).

Most records serve anywhere. A record whose outputs name the directory it was made
in, or the directory of the outputs, serves only there. "cargo cow warehouse
explain" shows everything that decides whether a record serves.`,
		Args: exit.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.warehouseShow(cmd.Context(), args[0], o, time.Now())
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "show all inputs, not only the first 20")
	return cmd
}

func (a *app) warehouseShow(ctx context.Context, ref string, o warehouseShowOptions, now time.Time) error {
	w, err := a.warehouse(ctx)
	if err != nil {
		return err
	}
	e, err := w.Lookup(ctx, ref)
	if err != nil {
		return err
	}
	a.showJSON(e)
	tab := &ui.Table{}
	tab.Row("key", e.Key)
	tab.Row("unit", e.Unit)
	tab.Row("made in", e.Dir)
	tab.Row("outputs in", e.OutDir)
	tab.Row("serves", phrase.Serves(e))
	tab.Row("last use", phrase.Ago(e.Used, now))
	tab.Row("cost", phrase.Cost(e.Cost.Milliseconds()))
	tab.Row("size", phrase.Size(e.Size()))
	if e.Incremental {
		tab.Row("incremental", "yes")
	}
	if len(e.Messages) > 0 {
		tab.Row("messages", strconv.Itoa(len(e.Messages)))
	}
	a.term.Table(tab)

	a.term.Println("")
	tab = ui.NewTable("FILE", "KIND", "SIZE", "WHERE")
	for _, p := range e.Located {
		where := phrase.Where(p.Location)
		if p.Path != "" {
			where += ": " + p.Path
		}
		tab.Row(p.Name, p.Emit, phrase.Size(p.Size), where)
	}
	a.term.Table(tab)

	a.term.Println("")
	tab = ui.NewTable("INPUT", "DIGEST")
	shown := ui.Shown(len(e.Inputs), o.all)
	for _, in := range e.Inputs[:shown] {
		tab.Row(in.Name, phrase.InputDigest(in))
	}
	tab.More(len(e.Inputs)-shown, "--all")
	a.term.Table(tab)
	return nil
}

func (a *app) showJSON(e *warehouse.Entry) {
	type file struct {
		Name   string             `json:"name"`
		Kind   string             `json:"kind"`
		Digest string             `json:"digest"`
		Size   int64              `json:"size"`
		Where  warehouse.Location `json:"where"`
		Path   string             `json:"path,omitempty"`
	}
	type input struct {
		Name   string `json:"name"`
		Digest string `json:"digest,omitempty"` // empty: it must not be there
	}
	line := struct {
		report.RecordJSON
		Request string  `json:"request"`
		Files   []file  `json:"files"`
		Inputs  []input `json:"inputs"`
	}{report.NewRecordJSON(e), e.Request, []file{}, []input{}}
	for _, p := range e.Located {
		line.Files = append(line.Files, file{p.Name, p.Emit, p.Digest, p.Size, p.Location, p.Path})
	}
	for _, in := range e.Inputs {
		line.Inputs = append(line.Inputs, input(in))
	}
	a.term.JSON("record", line)
}
