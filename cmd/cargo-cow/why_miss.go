package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

type whyMissOptions struct {
	all bool
}

func newWhyMiss(a *app) *cobra.Command {
	var o whyMissOptions
	cmd := &cobra.Command{
		Use:   "why-miss [flags] [CRATE]",
		Short: "Say why units were compiled and not taken from the warehouse",
		Long: `Lists the last calls of rustc that the wrapper did not answer, the latest first, each
with the reason and what it was about: the input, variable or ingredient that differs
from the record of this unit that was used last.

  missed    looked for and not found; compiled, and recorded
  compiled  looked for and not found; compiled, and not recorded, for that reason
  refused   a call of a kind that is not looked for

With CRATE, shows the latest such call of that crate. The name of a unit in the list
can stand for CRATE.`,
		Example: `  cargo cow why-miss            after a build that should have compiled nothing
  cargo cow why-miss serde      why one crate was compiled`,
		Args: exit.AtMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.whyMissOf(cmd.Context(), args[0], time.Now())
			}
			return a.whyMiss(cmd.Context(), o, time.Now())
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "list all that are remembered, not only the last 20")
	return cmd
}

// answered reports whether nothing was compiled.
func answered(e warehouse.Event) bool { return e.Kind == warehouse.Hit || e.Kind == warehouse.Kept }

func (a *app) missJSON(e warehouse.Event) {
	a.term.JSON("miss", struct {
		At     time.Time      `json:"at"`
		Kind   warehouse.Kind `json:"kind"`
		Unit   string         `json:"unit"`
		Crate  string         `json:"crate"`
		Why    string         `json:"why,omitempty"`
		Detail string         `json:"detail,omitempty"`
		Cost   int64          `json:"cost_ms,omitempty"`
	}{e.At, e.Kind, e.Unit, warehouse.Crate(e.Unit), e.Reason, e.Detail, e.Cost.Milliseconds()})
}

func (a *app) whyMiss(ctx context.Context, o whyMissOptions, now time.Time) error {
	w, err := a.warehouse(ctx)
	if err != nil {
		return err
	}
	events := w.Events()
	calls := len(events)
	events = slices.DeleteFunc(events, answered)
	slices.Reverse(events)
	shown := ui.Shown(len(events), o.all)
	tab := ui.NewTable("WHEN", "UNIT", "", "WHY", "ABOUT")
	for _, e := range events[:shown] {
		a.missJSON(e)
		tab.Row(phrase.Ago(e.At, now), e.Unit, string(e.Kind), e.Reason, e.Detail)
	}
	tab.More(len(events)-shown, "--all")
	a.term.Table(tab)
	if len(events) == 0 {
		a.term.Status("Answered", "all of %s", phrase.Count(calls, "call"))
	}
	return nil
}

// whyMissOf tells of the latest call of a crate that was not answered.
func (a *app) whyMissOf(ctx context.Context, crate string, now time.Time) error {
	w, err := a.warehouse(ctx)
	if err != nil {
		return err
	}
	calls, since := 0, 0
	for _, e := range slices.Backward(w.Events()) {
		if e.Unit != crate && warehouse.Crate(e.Unit) != crateName(crate) {
			continue
		}
		calls++
		if answered(e) {
			since++
			continue
		}
		a.missJSON(e)
		tab := &ui.Table{}
		tab.Row("unit", e.Unit)
		tab.Row("when", phrase.Ago(e.At, now))
		tab.Row("call", outcome(e))
		for _, row := range [][2]string{{"why", e.Reason}, {"about", e.Detail}} {
			if row[1] != "" {
				tab.Row(row[0], row[1])
			}
		}
		if e.Cost > 0 {
			tab.Row("cost", phrase.Cost(e.Cost.Milliseconds()))
		}
		if since > 0 {
			tab.Row("since then", phrase.Count(since, "call")+" answered")
		}
		a.term.Table(tab)
		return nil
	}
	if calls == 0 {
		return exit.Missing(fmt.Errorf("find call of crate %s: no such call is remembered", crate),
			"see `cargo cow stats`, and `cargo cow wrapper status` for whether cargo uses the wrapper")
	}
	a.term.Status("Answered", "all of %s of %s", phrase.Count(calls, "call"), crate)
	return nil
}

// outcome tells what became of a call that was not answered.
func outcome(e warehouse.Event) string {
	switch e.Kind {
	case warehouse.Missed:
		return "missed: compiled, and recorded"
	case warehouse.Compiled:
		return "compiled, and not recorded"
	}
	return "refused: of a kind that is not looked for"
}
