package main

import (
	"context"
	"fmt"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// removal removes layers one by one and tells of each.
type removal struct {
	term    *ui.Terminal
	store   *layers.Store
	dryRun  bool
	say     func(verb, format string, args ...any)
	removed int
	more    bool  // something else than layers was removed as well
	codes   []int // of the failures
}

func (r *removal) remove(ctx context.Context, rec *layers.Record) error {
	verb := "Would"
	if !r.dryRun {
		if err := r.store.Remove(ctx, rec.ID); err != nil {
			return err
		}
		verb = "Removed"
	}
	r.removed++
	r.term.JSON("remove", struct {
		*layers.Record
		DryRun bool `json:"dry_run,omitempty"`
	}{rec, r.dryRun})
	text := phrase.ID(rec.ID)
	if rec.Label != "" {
		text += " (" + rec.Label + ")"
	}
	if rec.Origin != "" {
		text += fmt.Sprintf("  %s, %s", phrase.Count(rec.Units, "unit"), phrase.Origin(rec))
	}
	if r.dryRun {
		text = "remove " + text
	}
	r.say(verb, "%s", text)
	return nil
}

// failed tells of a layer that could not be removed, at once: the others follow.
func (r *removal) failed(err error) {
	code := exit.Code(err)
	r.codes = append(r.codes, code)
	r.term.Error(err, exit.Help(err), code)
}

// end is the error of the whole: all that is to be said of it was said.
func (r *removal) end() error {
	switch {
	case len(r.codes) == 0:
		return nil
	case r.removed > 0 || r.more:
		return exit.Silently(exit.InPart)
	}
	return exit.Silently(r.codes[0])
}
