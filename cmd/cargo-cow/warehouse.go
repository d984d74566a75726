package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

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

// recordJSON is what all commands say of a record.
type recordJSON struct {
	Key         string          `json:"key"`
	Unit        string          `json:"unit"`
	Crate       string          `json:"crate"`
	LastUse     time.Time       `json:"last_use"`
	Cost        int64           `json:"cost_ms"`
	Size        int64           `json:"size"`  // of its files
	Where       warehouse.Where `json:"where"` // the file that is worst off
	Bound       string          `json:"bound"`
	Dir         string          `json:"made_in"`
	OutDir      string          `json:"made_to"`
	Incremental bool            `json:"incremental,omitempty"`
}

func ofRecord(e *warehouse.Entry) recordJSON {
	return recordJSON{
		e.Key, e.Unit, warehouse.Crate(e.Unit), e.Used, e.Cost.Milliseconds(), e.Size(), e.Where(), string(e.Bound), e.Dir, e.OutDir, e.Incremental,
	}
}

// lies tells where files lie.
func lies(w warehouse.Where) string {
	switch w {
	case warehouse.Loose:
		return "loose"
	case warehouse.InLayer:
		return "in a layer"
	case warehouse.Built:
		return "where it was built"
	}
	return "gone"
}
