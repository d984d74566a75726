package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/relocate"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

type checkOptions struct {
	repair bool
	deep   bool
}

func newCheck(a *app) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the store",
		Long: `Checks that every record belongs to a whole layer, that every layer has a record,
and that the records and files of the warehouse are named as they should be.

With --deep, it also reads every file: those of layers to their end, where a file
system with checksums finds what the disk has lost, and those of the warehouse to
compare them with their names. Each unit that was sealed must be there. What is
damaged in a layer is not repaired: remove the layer, and build.

With --repair, it makes missing records of layers again, seals layers that came back
from a backup as ordinary directories, and removes what nothing
refers to and what is damaged in the warehouse; that is compiled again when needed.
The exit code is 1 if there are problems, and 3 if some could not be repaired.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.deep, "deep", false, "read every file")
	cmd.Flags().BoolVar(&o.repair, "repair", false, "repair what can be repaired")
	return cmd
}

func (a *app) check(ctx context.Context, o checkOptions) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	var problems []layers.Problem
	if o.repair {
		sealed, err := relocate.Reseal(ctx, st.Dir(), st.Driver())
		if err != nil {
			return err
		}
		for _, path := range sealed {
			problems = append(problems, layers.Problem{Path: path, Problem: "an ordinary directory, as from a backup", Repaired: true})
		}
	}
	found, err := st.Check(ctx, layers.Checking{Repair: o.repair, Deep: o.deep})
	if err != nil {
		return err
	}
	problems = append(problems, found...)
	more, err := a.checkWarehouse(ctx, warehouse.In(st.Dir()), o, time.Now())
	if err != nil {
		return err
	}
	problems = append(problems, more...)
	left := 0
	for _, p := range problems {
		a.term.JSON("check", p)
		done := ""
		if p.Repaired {
			done = " (repaired)"
		} else {
			left++
		}
		a.term.Println("%s: %s%s", p.Path, p.Problem, done)
	}
	return a.checked(st, len(problems), left, o.repair)
}

func (a *app) checkWarehouse(ctx context.Context, w *warehouse.Warehouse, o checkOptions, now time.Time) ([]layers.Problem, error) {
	v, err := w.Verify(ctx, warehouse.Verification{Remove: o.repair, Content: o.deep})
	if err != nil {
		return nil, err
	}
	var problems []layers.Problem
	for _, d := range v.Damaged {
		problems = append(problems, layers.Problem{Path: d.Path, Problem: d.Problem, Repaired: d.Removed})
	}
	if !o.repair {
		return problems, nil
	}
	swept, err := w.Sweep(ctx, now)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		problems = append(problems, layers.Problem{Path: w.Dir(), Problem: err.Error()})
	}
	if n := swept.Records + swept.Files + swept.Leftovers; n > 0 {
		a.term.Detail("Swept", "%s of the warehouse that nothing used", phrase.Count(n, "file"))
	}
	return problems, nil
}

func (a *app) checked(st *layers.Store, problems, left int, repair bool) error {
	switch {
	case problems == 0:
		a.term.JSON("check", struct {
			Clean bool `json:"clean"`
		}{true})
		a.term.Status("Clean", "%s", st.Dir())
		return nil
	case left == 0:
		a.term.Status("Repaired", "%s in %s", phrase.Count(problems, "problem"), st.Dir())
		return nil
	case repair:
		a.term.Status("Repaired", "%d of %s in %s", problems-left, phrase.Count(problems, "problem"), st.Dir())
		return exit.Silently(exit.InPart)
	}
	a.term.Status("Found", "%s in %s, see `cargo cow check --repair`", phrase.Count(left, "problem"), st.Dir())
	return exit.Silently(exit.Failed)
}
