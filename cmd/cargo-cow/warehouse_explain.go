package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

func newWarehouseExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain KEY",
		Short: "Show everything that decides whether a record serves",
		Long: `Prints everything that a record's key is made of. Ingredients are what can be known
before the compiler runs: the compiler itself, its arguments, the crates it is given,
and, if something is linked, the linker and libraries. Inputs, variables and libraries
are what the compiler asked for while it ran; the record answers a call for which all
of them are the same. KEY is one of "cargo cow warehouse list", or its first
characters (4 or more).

Names of files are relative to the directory that rustc ran in. {cwd} stands for that
directory, {out-dir} for the directory of outputs, {OUT_DIR} for that of the build
script.`,
		Args: exit.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.warehouseExplain(cmd.Context(), args[0]) },
	}
}

func (a *app) warehouseExplain(ctx context.Context, ref string) error {
	w, err := a.warehouse(ctx)
	if err != nil {
		return err
	}
	e, err := w.Lookup(ctx, ref)
	if err != nil {
		return err
	}
	list, err := depfile.Parse([]byte(e.DepFile))
	if err != nil {
		return fmt.Errorf("read record %s: %w", e.Path, err)
	}
	a.term.JSON("record", report.NewRecordJSON(e))
	tab := &ui.Table{}
	tab.Row("key", e.Key)
	tab.Row("unit", e.Unit)
	tab.Row("request", e.Request)
	tab.Row("serves", phrase.Serves(e))
	a.term.Table(tab)

	k := keyTables{term: a.term}
	for _, i := range e.Ingredients {
		k.add("ingredient", i.Name, i.Value)
	}
	k.table("INGREDIENT", "VALUE")
	for _, in := range e.Inputs {
		value := in.Digest
		if value == rustc.Absent {
			value = phrase.InputDigest(in)
		}
		k.add("input", in.Name, value)
	}
	k.table("INPUT", "DIGEST")
	for _, v := range list.Env {
		value := v.Value
		if !v.Set {
			value = "must not be set"
		}
		k.add("variable", v.Name, value)
	}
	k.table("VARIABLE", "VALUE")
	for _, n := range e.Natives {
		name := n.Name
		if n.Kind != "" {
			name = n.Kind + "=" + name
		}
		k.add("library", name, n.What)
	}
	k.table("LIBRARY", "FOUND")
	return nil
}

// keyTables prints what a key is made of, a table for each kind.
type keyTables struct {
	term *ui.Terminal
	rows [][2]string
}

func (k *keyTables) add(kind, name, value string) {
	k.rows = append(k.rows, [2]string{name, value})
	k.term.JSON("ingredient", struct {
		Kind  string `json:"kind"`
		Name  string `json:"name"`
		Value string `json:"value"`
	}{kind, name, value})
}

func (k *keyTables) table(heads ...string) {
	if len(k.rows) == 0 {
		return
	}
	k.term.Println("")
	tab := ui.NewTable(heads...)
	for _, r := range k.rows {
		tab.Row(r[0], r[1])
	}
	k.term.Table(tab)
	k.rows = nil
}
