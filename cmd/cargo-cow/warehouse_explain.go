package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

func newWarehouseExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain KEY",
		Short: "Say all that decides whether a record serves",
		Long: `Prints everything that a record's key is made of. Ingredients are what can be known
before the compiler runs: the compiler itself, its arguments, the crates it is given,
and for what is linked the linker and libraries. Inputs, variables and libraries are
what the compiler has asked for as it ran; a call is answered from the record if all
of them are the same for it. KEY is that of "cargo cow warehouse list", or its first
characters (4 or more).

Names of files are relative to the directory that rustc ran in. {cwd} stands for it,
{out-dir} for the directory of outputs, {OUT_DIR} for that of the build script.`,
		Args: exactArgs(1),
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
	a.term.JSON("record", ofRecord(e))
	tab := &ui.Table{}
	tab.Row("key", e.Key)
	tab.Row("unit", e.Unit)
	tab.Row("request", e.Request)
	tab.Row("serves", boundTo(e))
	a.term.Table(tab)

	x := explained{app: a}
	for _, i := range e.Ingredients {
		x.add("ingredient", i.Name, i.Value)
	}
	x.table("INGREDIENT", "VALUE")
	for _, in := range e.Inputs {
		value := in.Digest
		if value == rustc.Absent {
			value = inputDigest(in)
		}
		x.add("input", in.Name, value)
	}
	x.table("INPUT", "DIGEST")
	for _, v := range list.Env {
		value := v.Value
		if !v.Set {
			value = "must not be set"
		}
		x.add("variable", v.Name, value)
	}
	x.table("VARIABLE", "VALUE")
	for _, n := range e.Natives {
		name := n.Name
		if n.Kind != "" {
			name = n.Kind + "=" + name
		}
		x.add("library", name, n.What)
	}
	x.table("LIBRARY", "FOUND")
	return nil
}

// explained prints what a key is made of, kind by kind.
type explained struct {
	*app
	rows [][2]string
}

func (x *explained) add(kind, name, value string) {
	x.rows = append(x.rows, [2]string{name, value})
	x.term.JSON("ingredient", struct {
		Kind  string `json:"kind"`
		Name  string `json:"name"`
		Value string `json:"value"`
	}{kind, name, value})
}

func (x *explained) table(heads ...string) {
	if len(x.rows) == 0 {
		return
	}
	x.term.Println("")
	tab := ui.NewTable(heads...)
	for _, r := range x.rows {
		tab.Row(r[0], r[1])
	}
	x.term.Table(tab)
	x.rows = nil
}
