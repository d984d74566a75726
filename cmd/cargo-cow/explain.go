package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
)

type explainOptions struct {
	all bool
}

func newExplain(a *app) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain [PACKAGE]...",
		Short: "Say which units the next cargo build will rebuild, and why",
		Long: `Lists the units in the build directory that cargo will rebuild, each with the
rule that says so and the file or path that decided. Units that are rebuilt only
because a dependency is rebuilt have the rule "dependency".

With PACKAGE, lists only the units of these packages, including those that stay
fresh.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args, o) },
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "also list the units that stay fresh")
	return cmd
}

func (a *app) explain(ctx context.Context, packages []string, o explainOptions) error {
	p, err := a.openUnresolved(ctx)
	if err != nil {
		return err
	}
	verdicts, err := p.Store.Explain(ctx, p.Checkout)
	if err != nil {
		return err
	}
	for _, name := range packages {
		if !slices.ContainsFunc(verdicts, func(v freshness.Verdict) bool { return v.Package == name }) {
			return exit.Missing(fmt.Errorf("explain %s: no unit of that package was built", name), "`cargo cow explain --all` lists what was built")
		}
	}
	if len(packages) > 0 {
		verdicts = slices.DeleteFunc(verdicts, func(v freshness.Verdict) bool { return !slices.Contains(packages, v.Package) })
	}
	fresh := 0
	tab := ui.NewTable("PACKAGE", "TARGET", "KIND", "PROFILE", "RULE", "DECIDED BY")
	for i := range verdicts {
		v := &verdicts[i]
		if v.Fresh {
			fresh++
			if !o.all && len(packages) == 0 {
				continue
			}
		}
		report.Verdict(a.term, v)
		rule, detail := phrase.Reason(v)
		if v.Fresh {
			rule = "(fresh)"
		}
		tab.Row(v.Package, v.Target, v.Kind, v.Profile, rule, detail)
	}
	a.term.Table(tab)
	a.term.Status("Explained", "%s: %d fresh, %d to be rebuilt", phrase.Count(len(verdicts), "unit"), fresh, len(verdicts)-fresh)
	return nil
}
