package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

type warehouseVerifyOptions struct {
	repair bool
}

func newWarehouseVerify(a *app) *cobra.Command {
	var o warehouseVerifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read the whole warehouse and compare content with names",
		Long: `Checks that every record can be read and is named by its key, and that every loose
file has the content that its name says, for which it reads them all. With --repair,
it removes what is damaged; that is compiled again when it is asked for. Builds may
go on meanwhile. The exit code is 1 if something is damaged, and 3 if some of it
could not be removed.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.warehouseVerify(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.repair, "repair", false, "remove what is damaged")
	return cmd
}

func (a *app) warehouseVerify(ctx context.Context, o warehouseVerifyOptions) error {
	w, err := a.warehouse(ctx)
	if err != nil {
		return err
	}
	v, err := w.Verify(ctx, warehouse.Verification{Content: true, Remove: o.repair})
	if err != nil {
		return err
	}
	left := 0
	for _, d := range v.Damaged {
		line := struct {
			Path    string `json:"path"`
			Problem string `json:"problem"`
			Removed bool   `json:"removed"`
			Error   string `json:"error,omitempty"` // why it could not be
		}{Path: d.Path, Problem: d.Problem, Removed: d.Removed}
		done := ""
		switch {
		case d.Removed:
			done = " (removed)"
		case d.Err != nil:
			line.Error = d.Err.Error()
			done = " (" + line.Error + ")"
		}
		if !d.Removed {
			left++
		}
		a.term.JSON("damage", line)
		a.term.Println("%s: %s%s", d.Path, d.Problem, done)
	}
	a.term.JSON("verify", struct {
		Records int   `json:"records"`
		Files   int   `json:"files"`
		Bytes   int64 `json:"bytes"` // that were read of files
		Damaged int   `json:"damaged"`
		Removed int   `json:"removed"`
	}{v.Records, v.Files, v.Bytes, len(v.Damaged), len(v.Damaged) - left})
	a.term.Status("Verified", "%s and %s of %s", phrase.Count(v.Records, "record"), phrase.Count(v.Files, "file"), phrase.Size(v.Bytes))
	switch {
	case len(v.Damaged) == 0:
		return nil
	case left == 0:
		a.term.Status("Removed", "%s", damagedItems(len(v.Damaged)))
		return nil
	case o.repair:
		a.term.Status("Removed", "%d of %s", len(v.Damaged)-left, damagedItems(len(v.Damaged)))
		return exit.Silently(exit.InPart)
	}
	a.term.Status("Found", "%s, see `cargo cow warehouse verify --repair`", damagedItems(left))
	return exit.Silently(exit.Failed)
}

func damagedItems(n int) string { return phrase.Count(n, "damaged item") }
