package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/layers"
)

type graftOptions struct {
	from   string
	noWait bool
}

func newGraft(a *app) *cobra.Command {
	var o graftOptions
	cmd := &cobra.Command{
		Use:   "graft [PACKAGE]...",
		Short: "Take units that the build directory lacks from layers",
		Long: `Takes compiled registry and git packages that a build here needs, and that the
build directory lacks, from the layers that have them; nothing is copied where
the file system can share data. Which ones are needed is asked of cargo. The
build directory as it was before can be brought back with ` + "`cargo cow undo`" + `.

With PACKAGE, only these and what they depend on.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.graft(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "take from `LAYER` only: an id or its first characters, a label, or latest")
	f.BoolVar(&o.noWait, "no-wait", false, "fail with code 5 when cargo is building")
	return cmd
}

func (a *app) graft(ctx context.Context, packages []string, o graftOptions) error {
	w, err := a.open(ctx)
	if err != nil {
		return err
	}
	g, err := w.Store.Graft(ctx, w.Checkout, layers.GraftOptions{From: o.from, Packages: packages, Strict: w.Strict(), NoWait: o.noWait, Notify: a.term.Blocking})
	if err != nil {
		return err
	}
	a.term.JSON("graft", report.NewGraftJSON(g))
	if len(g.Units) == 0 {
		a.term.Status("Unchanged", "%s: no layer has a unit that it lacks", w.BuildDir())
	}
	report.Graft(a.term, g)
	return nil
}
