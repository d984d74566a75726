package main

import (
	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
)

func newWarehouse(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "warehouse",
		Short: "Look at the single units that the wrapper keeps",
		Long: `The warehouse is the part of the store where the wrapper of rustc keeps the output
of single calls of the compiler, filed by everything that decided it. A call that
asks for the same again, in any checkout, is answered from there and compiles
nothing.

Each record says of one call what it was made from and which files it has written.
The files lie loose in the warehouse. Files that were compiled incrementally after
an edit lie in layers instead, from the next snapshot on. All of it can be compiled
again. "cargo cow prune" removes what was not used for long.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWarehouseList(a), newWarehouseShow(a), newWarehouseExplain(a), newWarehouseVerify(a))
	return cmd
}
