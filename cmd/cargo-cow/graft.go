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
		Short: "Add units that the build directory lacks, from layers",
		Long: `Adds compiled registry and git packages that a build here needs and the build
directory lacks. They are taken from the layers that have them; cargo is asked
which are needed. Where the file system can share data, nothing is copied.
` + "`cargo cow undo`" + ` brings the previous build directory back.

With PACKAGE, adds only these packages and their dependencies.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.graft(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "take units only from `LAYER`: an id or its first characters, a label, or latest")
	f.BoolVar(&o.noWait, "no-wait", false, "fail with code 5 if cargo is building")
	return cmd
}

func (a *app) graft(ctx context.Context, packages []string, o graftOptions) error {
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	g, err := p.Store.Graft(ctx, p.Checkout, layers.GraftOptions{From: o.from, Packages: packages, Strict: p.Strict(), NoWait: o.noWait, Notify: a.term.Blocking})
	if err != nil {
		return err
	}
	a.term.JSON("graft", report.NewGraftJSON(g))
	if len(g.Units) == 0 {
		a.term.Status("Unchanged", "%s: no layer has a unit that it lacks", p.BuildDir())
	}
	report.Graft(a.term, g)
	return nil
}
