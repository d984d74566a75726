package main

import "github.com/spf13/cobra"

func newWarehouse(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "warehouse",
		Short: "Look at what the wrapper keeps of single units",
		Long: `The warehouse is the part of the store in which the wrapper of rustc keeps what
single calls of the compiler have written, by what decided it. A call that asks
for the same again, in any checkout, is answered from there and compiles nothing.

Each record says of one call what it was made from and which files it has written.
The files lie loose in the warehouse; those of one edit after the other, compiled
incrementally, lie in layers, once a snapshot has told of them. All of it can be
compiled again.
"cargo cow prune" removes what was not used for long.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newWarehouseList(a), newWarehouseShow(a), newWarehouseExplain(a), newWarehouseVerify(a))
	return cmd
}
