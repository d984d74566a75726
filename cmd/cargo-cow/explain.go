package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
)

type explainOptions struct {
	all bool
}

func newExplain(a *app) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Say which units the next cargo build will rebuild, and why",
		Long: `Lists the units in the build directory that cargo will rebuild, each with the
rule that says so and the file or path that decided. Units that are rebuilt only
since something they depend on is carry the rule "dependency".`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.explain(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "list the units that stay fresh as well")
	return cmd
}

func (a *app) explain(ctx context.Context, o explainOptions) error {
	w, err := a.openUnresolved(ctx)
	if err != nil {
		return err
	}
	verdicts, err := w.store.Explain(ctx, w.place)
	if err != nil {
		return err
	}
	fresh := 0
	tab := ui.NewTable("PACKAGE", "TARGET", "KIND", "PROFILE", "RULE", "DECIDED BY")
	for i := range verdicts {
		v := &verdicts[i]
		if v.Fresh {
			fresh++
			if !o.all {
				continue
			}
		}
		a.verdictJSON(v)
		rule, detail := because(v)
		if v.Fresh {
			rule = "(fresh)"
		}
		tab.Row(v.Package, v.Target, v.Kind, v.Profile, rule, detail)
	}
	a.term.Table(tab)
	a.term.Status("Explained", "%s: %d fresh, %d to be rebuilt", count(len(verdicts), "unit"), fresh, len(verdicts)-fresh)
	return nil
}
