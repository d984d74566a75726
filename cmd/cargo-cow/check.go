package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/layers"
)

type checkOptions struct {
	repair bool
}

func newCheck(a *app) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the store",
		Long: `Looks whether every record stands for a whole layer and every layer has a
record. With --repair it makes records anew and removes what nothing refers to.
Exit code 1 when there are problems, 3 when some of them could not be repaired.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.repair, "repair", false, "repair what can be repaired")
	return cmd
}

func (a *app) check(ctx context.Context, o checkOptions) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	problems, err := st.Check(ctx, o.repair)
	if err != nil {
		return err
	}
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

func (a *app) checked(st *layers.Store, problems, left int, repair bool) error {
	switch {
	case problems == 0:
		a.term.JSON("check", struct {
			Clean bool `json:"clean"`
		}{true})
		a.term.Status("Clean", "%s", st.Dir())
		return nil
	case left == 0:
		a.term.Status("Repaired", "%s in %s", count(problems, "problem"), st.Dir())
		return nil
	case repair:
		a.term.Status("Repaired", "%d of %s in %s", problems-left, count(problems, "problem"), st.Dir())
		return silentExit(exitPart)
	}
	a.term.Status("Found", "%s in %s, see `cargo cow check --repair`", count(left, "problem"), st.Dir())
	return silentExit(exitError)
}
