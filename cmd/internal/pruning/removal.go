package pruning

import (
	"context"
	"fmt"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// A Removal removes layers and directories one by one and tells of each.
type Removal struct {
	term    *ui.Terminal
	store   *layers.Store
	dryRun  bool
	Soon    bool // layers go from the store at once, and from the disk as soon as may be: see Sweep
	left    bool // something is to be deleted yet
	say     func(verb, format string, args ...any)
	removed int   // layers
	trees   int   // directories
	more    bool  // something else was removed as well
	codes   []int // of the failures
	first   error // of them
}

// NewRemoval is one from a store; say tells of each layer, as a Terminal's methods do.
func NewRemoval(term *ui.Terminal, st *layers.Store, dryRun bool, say func(verb, format string, args ...any)) *Removal {
	return &Removal{term: term, store: st, dryRun: dryRun, say: say}
}

// Remove removes a layer.
func (r *Removal) Remove(ctx context.Context, rec *layers.Record) error {
	verb := "Would"
	if !r.dryRun {
		if err := r.removeLayer(ctx, rec.ID); err != nil {
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

func (r *Removal) removeLayer(ctx context.Context, id string) error {
	if !r.Soon {
		return r.store.Remove(ctx, id)
	}
	left, err := r.store.RemoveSoon(ctx, id)
	r.left = r.left || left
	return err
}

// Sweep has what is gone from the store, and not from the disk, be deleted in the background. Else whoever opens the store
// next deletes it, and waits for that.
func (r *Removal) Sweep(environ []string) {
	if r.left {
		_ = spawn.Sweep(environ, r.store.Dir())
	}
}

// removeTree removes a build directory, or what undo would bring back, if still holds once
// nobody can change it.
func (r *Removal) removeTree(ctx context.Context, kind prune.Kind, t whereabouts.Tree, still func() bool) error {
	verb, what := "Would", "remove "+string(kind)+" "+t.Path
	if !r.dryRun {
		if err := r.store.RemoveTree(ctx, t, still); err != nil {
			return err
		}
		verb, what = "Removed", string(kind)+" "+t.Path
	}
	r.trees++
	r.term.JSON("remove-tree", struct {
		Kind   prune.Kind `json:"kind"`
		Path   string     `json:"path"`
		DryRun bool       `json:"dry_run,omitempty"`
	}{kind, t.Path, r.dryRun})
	r.say(verb, "%s", what)
	return nil
}

// Failed tells of something that could not be removed, at once: the others follow.
func (r *Removal) Failed(err error) {
	code := exit.Code(err)
	if len(r.codes) == 0 {
		r.first = err
	}
	r.codes = append(r.codes, code)
	r.term.Error(err, exit.Help(err), code)
}

// End is the error of the whole: all that is to be said of it was said.
func (r *Removal) End() error {
	switch {
	case len(r.codes) == 0:
		return nil
	case r.removed+r.trees > 0 || r.more:
		return exit.Silently(exit.InPart)
	}
	return exit.Silently(r.codes[0])
}
