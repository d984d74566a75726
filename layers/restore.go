package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
)

var (
	pointVerified = crashpoint.New("restore.verified")
	pointCloned   = crashpoint.New("restore.cloned")
	pointStaged   = crashpoint.New("restore.staged")
	pointRestored = crashpoint.New("restore.done")
)

// RestoreOptions say what to restore.
type RestoreOptions struct {
	From   string // a layer as Store.Layer finds it; "" for the best one
	Strict bool   // have every unit rebuilt that may name its origin
	NoWait bool   // fail with ErrBusy instead of waiting for Cargo, or for a command that may wait for it
	DryRun bool   // choose and compare only
	// NoGraft: take units from the one layer only.
	NoGraft bool
	// OnlyNew: fail with ErrBuilt where something is built, or is being built.
	OnlyNew bool
	// AtHand is what is built next, which what is there need not be for: of two layers that one is taken in which more of it
	// is fresh.
	AtHand justintime.Command
	Notify Notify
}

func (o RestoreOptions) criteria() criteria {
	return criteria{from: o.From, strict: o.Strict, noGraft: o.NoGraft, onlyNew: o.OnlyNew, atHand: o.AtHand}
}

// ErrBuilt: something is built in the build directory.
var ErrBuilt = errors.New("something is built there")

// RestoreReport says what was restored.
type RestoreReport struct {
	Record
	Kept       int                 // units that stay fresh
	Rebuild    []freshness.Verdict // units that the next build will rebuild
	Retagged   int                 // units whose fingerprint was rewritten for the checkout
	SameCommit bool
	Undo       bool // a build directory was replaced and can be brought back
	// Undeletable are trees beside the build directory that hold directories of
	// another user, who alone can delete them.
	Undeletable []string
	// Grafted is what other layers gave; nil where none was asked: the layer was
	// named, or no other has anything that it lacks.
	Grafted *GraftReport
}

// Restore makes a writable copy of a layer, true for the checkout, its build
// directory. Sources are never touched.
func (s *Store) Restore(ctx context.Context, co *Checkout, o RestoreOptions) (*RestoreReport, error) {
	w, err := s.begin(ctx, co, o.NoWait, o.Notify)
	if err != nil {
		return nil, err
	}
	defer w.end()
	if o.OnlyNew && !w.dir.IsNew() {
		return nil, w.built()
	}
	if err := w.startClock(ctx); err != nil {
		return nil, err
	}
	if err := co.CheckStill(ctx); err != nil {
		return nil, err
	}
	c, err := s.choose(ctx, co, o.criteria())
	if err != nil {
		return nil, err
	}
	defer c.drop()
	if err := pointVerified.Hit(); err != nil {
		return nil, err
	}
	if o.DryRun {
		r := w.report(c)
		r.count(c)
		return r, nil
	}
	return w.restore(ctx, c, o)
}

func (w *work) report(c *choice) *RestoreReport {
	git := w.checkout.Git
	return &RestoreReport{Record: c.record, SameCommit: git != nil && git.Head != "" && git.Head == c.record.Commit}
}

// restore is the second half of a restore: it puts the layer that was chosen in the
// place of the build directory.
func (w *work) restore(ctx context.Context, c *choice, o RestoreOptions) (*RestoreReport, error) {
	w.store.noteUse(c.record.ID)
	justintime.NoteLockfile(w.store.Dir(), w.checkout.Workspace.Root, w.store.opts.Now())
	if !w.checkout.Settings.Rules.On(rule.Clock) {
		if err := w.startClock(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.lockCargo(ctx, o.NoWait || o.OnlyNew); err != nil {
		return nil, err
	}
	if err := w.dir.CheckOwn(); err != nil {
		return nil, err
	}
	tmp, err := w.dir.Prepare(ctx, w.store.tree(c.record.ID))
	if err != nil {
		return nil, err
	}
	if err := pointCloned.Hit(); err != nil {
		return nil, err
	}
	r := w.report(c)
	if err := w.makeTrue(ctx, tmp, c, o, r); err != nil {
		return nil, w.dir.Abandon(ctx, tmp, fmt.Errorf("restore %s: %w", w.path(), err))
	}
	if err := w.dir.Settle(tmp); err != nil {
		return nil, fmt.Errorf("restore %s: %w", w.path(), err)
	}
	if err := pointStaged.Hit(); err != nil {
		return nil, err
	}
	if r.Undo, err = w.install(ctx, tmp, o); err != nil {
		return nil, err
	}
	r.Undeletable = w.dir.Undeletable()
	r.count(c)
	return r, pointRestored.Hit()
}

// install puts a restored tree in its place, and reports whether something is kept for undo.
func (w *work) install(ctx context.Context, tmp string, o RestoreOptions) (undo bool, err error) {
	switch {
	case o.OnlyNew:
		if err = w.dir.PlaceNew(ctx, tmp); errors.Is(err, fs.ErrExist) {
			err = w.dir.Abandon(ctx, tmp, w.built())
		}
		return false, err
	case w.isPlainCopy():
		return w.dir.ReplaceKeepingUndo(ctx, tmp)
	}
	return w.dir.Replace(ctx, tmp)
}

func (w *work) built() error { return fmt.Errorf("restore %s: %w", w.path(), ErrBuilt) }

// makeTrue makes tmp, a copy of the layer that was chosen, true for the checkout, gives
// it what it lacks and others have, and has it say where it comes from.
func (w *work) makeTrue(ctx context.Context, tmp string, c *choice, o RestoreOptions, r *RestoreReport) (err error) {
	if r.Retagged, err = c.plan.Apply(ctx, tmp, w.t0); err != nil {
		return err
	}
	if err := w.checkout.HandOff(tmp, c.plan, o.Strict); err != nil {
		return err
	}
	if r.Grafted, err = w.join(ctx, tmp, c.others, o.Strict); err != nil {
		return err
	}
	if c.needed != nil && !o.NoGraft {
		more, err := w.store.graft(ctx, w.checkout, tmp, wanted{units: c.needed, strict: o.Strict})
		if err != nil {
			return err
		}
		r.Grafted = r.Grafted.plus(more)
	}
	from := active.Provenance{Layer: c.record.ID, Restored: w.t0.UnixNano(), Noted: c.plan.Noted(), Lacked: c.plan.Lacked()}
	if from.Written, err = w.dir.Now(); err != nil {
		return err
	}
	return from.Write(tmp)
}

// count says what becomes of the units. Of a layer that was made for other
// dependencies only those count that the checkout needs.
func (r *RestoreReport) count(c *choice) {
	r.Rebuild = c.plan.Rebuild()
	r.Kept = c.plan.Kept()
	if c.needed != nil {
		r.Kept = c.neededHeld - len(r.Rebuild)
	}
}
