package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/quantity"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/unasked"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

type statsOptions struct {
	since quantity.Period
}

func newStats(a *app) *cobra.Command {
	var o statsOptions
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Say what the warehouse has saved",
		Long: `Counts the calls of rustc that went through the wrapper, as far back as they are
remembered: at least some 20,000.

  hit       answered from the warehouse
  kept      answered with what this build directory had already
  missed    compiled, and recorded
  compiled  compiled, and not recorded
  refused   of a kind that is not looked for

Time saved is what compiling would have taken for the calls that were answered;
cargo compiles several at once, so builds become shorter by less than that. Shared
are the bytes of answers that take no space of their own.

By itself counts the build directories that were restored, or not, when cargo was
about to make them.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stats(cmd.Context(), o, time.Now()) },
	}
	cmd.Flags().Var(&o.since, "since", "count only the calls of the last `DURATION`, such as 12h or 7d")
	return cmd
}

func (a *app) stats(ctx context.Context, o statsOptions, now time.Time) error {
	w, err := a.warehouse(ctx)
	if err != nil {
		return err
	}
	events := w.Events()
	since := time.Time{}
	if o.since > 0 {
		since = now.Add(-time.Duration(o.since))
		events = slices.DeleteFunc(events, func(e warehouse.Event) bool { return now.Sub(e.At) > time.Duration(o.since) })
	}
	s := warehouse.Sum(events)
	dirs := unasked.Sum(filepath.Dir(w.Dir()), since)
	calls := 0
	for _, n := range s.Calls {
		calls += n
	}
	first := time.Time{}
	if calls > 0 {
		first = events[0].At
	}
	a.statsJSON(&s, &dirs, calls, first)

	tab := &ui.Table{}
	text := strconv.Itoa(calls)
	if calls > 0 {
		text += ", the first " + phrase.Ago(first, now)
	}
	tab.Row("calls", text)
	for _, k := range []warehouse.Kind{warehouse.Hit, warehouse.Kept, warehouse.Missed, warehouse.Compiled, warehouse.Refused} {
		tab.Row(string(k), strconv.Itoa(s.Calls[k]))
		for _, r := range s.Reasons {
			if r.Kind == k {
				tab.Row("", fmt.Sprintf("%d %s", r.Calls, r.Reason))
			}
		}
	}
	tab.Row("time saved", phrase.Cost(s.Saved.Milliseconds()))
	tab.Row("compiling", phrase.Cost(s.Spent.Milliseconds()))
	tab.Row("shared", phrase.Size(s.Shared))
	if dirs != (unasked.Count{}) {
		tab.Row("by itself", fmt.Sprintf("%d of %d build directories were restored before cargo built", dirs.Restored, dirs.Restored+dirs.Not))
	}
	a.term.Table(tab)
	if s.Copies > 0 {
		a.term.Warn("%s were copied, %s in all: the store and the build directory cannot share data", phrase.Count(s.Copies, "answer"), phrase.Size(s.Copied))
	}
	return nil
}

func (a *app) statsJSON(s *warehouse.Stats, dirs *unasked.Count, calls int, first time.Time) {
	a.term.JSON("stats", struct {
		Calls    int       `json:"calls"`
		First    time.Time `json:"first,omitzero"`
		Hit      int       `json:"hit"`
		Kept     int       `json:"kept"`
		Missed   int       `json:"missed"`
		Compiled int       `json:"compiled"` // and not recorded
		Refused  int       `json:"refused"`
		Saved    int64     `json:"saved_ms"`
		Spent    int64     `json:"compiling_ms"`
		Shared   int64     `json:"shared"` // bytes
		Copied   int64     `json:"copied"` // bytes
		Copies   int       `json:"copies"`
		// Dirs are build directories that cargo was about to make.
		Dirs *unasked.Count `json:"by_itself"`
	}{
		calls, first, s.Calls[warehouse.Hit], s.Calls[warehouse.Kept], s.Calls[warehouse.Missed], s.Calls[warehouse.Compiled],
		s.Calls[warehouse.Refused], s.Saved.Milliseconds(), s.Spent.Milliseconds(), s.Shared, s.Copied, s.Copies, dirs,
	})
	for _, r := range s.Reasons {
		a.term.JSON("stats-why", struct {
			Kind  warehouse.Kind `json:"kind"`
			Why   string         `json:"why"`
			Calls int            `json:"calls"`
		}{r.Kind, r.Reason, r.Calls})
	}
}
