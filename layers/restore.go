package layers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
)

var (
	pointVerified = crashpoint.New("restore.verified")
	pointCloned   = crashpoint.New("restore.cloned")
	pointStaged   = crashpoint.New("restore.staged")
	pointRestored = crashpoint.New("restore.done")
	pointUndone   = crashpoint.New("undo.exchanged")
)

// RestoreOptions say what to restore.
type RestoreOptions struct {
	From   string // a layer as Store.Layer finds it; "" for the best one
	Strict bool   // have every unit rebuilt that may name its origin
	NoWait bool   // fail with ErrBusy instead of waiting for Cargo
	DryRun bool   // choose and compare only
	// NoGraft: take units from the one layer only.
	NoGraft bool
	Notify  Notify
}

// RestoreReport says what was restored.
type RestoreReport struct {
	Record
	Kept       int             // units that stay fresh
	Rebuild    []cargo.Verdict // units that the next build will rebuild
	Retagged   int             // units whose fingerprint was rewritten for the place
	SameCommit bool
	Undo       bool // a build directory was replaced and can be brought back
	// Undeletable are trees beside the build directory that hold directories of
	// another user, who alone can delete them.
	Undeletable []string
	// Grafted is what other layers gave; nil where the layer has the dependency
	// set of the checkout, or was asked for by name.
	Grafted *Grafted
}

// Restore makes a writable copy of a layer, true for the place, its build
// directory. Sources are never touched.
func (s *Store) Restore(ctx context.Context, p *Place, o RestoreOptions) (*RestoreReport, error) {
	t := newTarget(p.Workspace.BuildDir)
	release, err := s.claim(ctx, t, o.Notify)
	if err != nil {
		return nil, err
	}
	defer release()
	if _, err := s.look(t); err != nil {
		return nil, err
	}
	t0, err := s.instant(ctx, t)
	if err != nil {
		return nil, err
	}
	c, err := s.choose(ctx, p, o)
	if err != nil {
		return nil, err
	}
	defer c.release()
	if err := pointVerified.Hit(); err != nil {
		return nil, err
	}
	r := &RestoreReport{Record: c.record, SameCommit: p.Git != nil && p.Git.Head != "" && p.Git.Head == c.record.Commit}
	if o.DryRun {
		r.count(c)
		return r, nil
	}
	s.used(c.record.ID)
	if !p.Settings.Rules.On(cargo.RuleClock) {
		if t0, err = s.instant(ctx, t); err != nil {
			return nil, err
		}
	}
	return r, s.place(ctx, p, t, c, t0, o, r)
}

// place puts a chosen layer in place.
func (s *Store) place(ctx context.Context, p *Place, t target, c *choice, t0 time.Time, o RestoreOptions, r *RestoreReport) error {
	locks, err := p.lockCargo(ctx, o.NoWait, o.Notify)
	if err != nil {
		return err
	}
	defer locks.Unlock()
	if err := checkOwn(t, locks); err != nil {
		return err
	}
	tmp, err := s.prepare(ctx, t, s.tree(c.record.ID))
	if err != nil {
		return err
	}
	if err := pointCloned.Hit(); err != nil {
		return err
	}
	if r.Retagged, err = c.plan.Apply(ctx, tmp, t0); err == nil {
		err = Active{Layer: c.record.ID, Restored: t0.UnixNano(), Noted: c.plan.Noted()}.write(tmp)
	}
	if err == nil {
		err = p.leave(tmp, c.plan, o.Strict)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("restore %s: %w", t.path, err), s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
	}
	if c.needed != nil && !o.NoGraft {
		if r.Grafted, err = s.graft(ctx, p, tmp, c.needed, nil, o.Strict); err != nil {
			return errors.Join(fmt.Errorf("restore %s: %w", t.path, err), s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
		}
	}
	if !s.opts.Driver.Caps().ConstantTime {
		// The copies are this program's own writing: a power cut must not leave
		// them empty under times that Cargo takes for fresh.
		if err := syncFileSystem(tmp); err != nil {
			return fmt.Errorf("restore %s: %w", t.path, err)
		}
	}
	if err := pointStaged.Hit(); err != nil {
		return err
	}
	replaced, err := s.install(t, tmp, locks)
	if err != nil {
		return err
	}
	if replaced != "" {
		if err := s.setAside(ctx, t, replaced); err != nil {
			return err
		}
		r.Undo = true
	}
	r.Undeletable = undeletable(t)
	r.count(c)
	return pointRestored.Hit()
}

// count says what becomes of the units. Of a layer that was made for other
// dependencies only those count that the place needs.
func (r *RestoreReport) count(c *choice) {
	r.Rebuild = c.plan.Rebuild()
	r.Kept = c.plan.Kept()
	if c.needed != nil {
		r.Kept = c.held - len(r.Rebuild)
	}
}

// choice is a layer found fit for a place, under a lease.
type choice struct {
	record  Record
	plan    *cargo.Plan
	needed  map[string]bool // units that the place needs, if the layer was not made for what it asks for
	held    int             // how many of them the layer has
	release func() error
}

// maxCompared bounds how many layers are compared file by file with the place.
// The sources are read once for all; each layer more costs reading its manifest
// (1 ms for 100 kB). What is further back by commit or age is hardly nearer.
const maxCompared = 16

// choose chooses once more where all that it chose from was removed meanwhile.
func (s *Store) choose(ctx context.Context, p *Place, o RestoreOptions) (*choice, error) {
	if o.From != "" {
		return s.chooseOnce(ctx, p, o)
	}
	return whileGone(func() (*choice, error) { return s.chooseOnce(ctx, p, o) })
}

// chooseOnce finds the layer for a place: of its fingerprint, with most units whose
// inputs are identical; among equals the nearest commit, then the newest. Where
// none has its fingerprint, it is the one that saves most work.
func (s *Store) chooseOnce(ctx context.Context, p *Place, o RestoreOptions) (*choice, error) {
	candidates, err := s.candidates(ctx, p, o)
	if err != nil {
		return nil, err
	}
	var near *nearest
	if len(candidates) == 0 {
		if near, err = s.nearest(ctx, p); err != nil {
			return nil, s.tellLost(err)
		}
		candidates = []Record{near.record}
	}
	reader := cargo.NewReader(p.view(ctx), p.Settings)
	var best *choice
	var unreadable error
	for _, r := range candidates {
		c, err := s.compare(ctx, r, reader, o.Strict)
		if err != nil {
			unreadable = err
			continue
		}
		if best == nil || s.better(ctx, p, c, best) {
			best, c = c, best
		}
		if c != nil {
			c.release()
		}
		if len(best.plan.Rebuild()) == 0 {
			break
		}
	}
	if best == nil {
		return nil, unreadable
	}
	if near == nil && !o.NoGraft && !best.plan.MadeFor() {
		if near, err = s.lacking(ctx, p, best.record); err != nil {
			return nil, errors.Join(err, best.release())
		}
	}
	if near != nil {
		best.needed, best.held = near.needed, near.held
		best.plan.Narrow(near.needed)
	}
	return best, nil
}

func (s *Store) candidates(ctx context.Context, p *Place, o RestoreOptions) ([]Record, error) {
	if o.From != "" {
		r, err := s.Layer(ctx, o.From)
		if err != nil {
			return nil, err
		}
		return []Record{*r}, nil
	}
	list, err := s.layersOf(ctx, p.Fingerprint.ID)
	if err != nil {
		return nil, err
	}
	head := ""
	if p.Git != nil {
		head = p.Git.Head
	}
	slices.SortStableFunc(list, func(a, b Record) int {
		return cmp.Compare(unlike(a, head), unlike(b, head))
	})
	return list[:min(len(list), maxCompared)], nil
}

// unlike orders layers before they are compared: those of the same commit come
// first, and the clean ones of them before the others.
func unlike(r Record, head string) int {
	switch {
	case head == "" || r.Commit != head:
		return 2
	case r.Dirty:
		return 1
	}
	return 0
}

func (s *Store) compare(ctx context.Context, r Record, reader *cargo.Reader, strict bool) (*choice, error) {
	release, err := s.hold(r.ID)
	if err != nil {
		return nil, err
	}
	m, err := s.manifest(r.ID)
	if err == nil {
		var plan *cargo.Plan
		if plan, err = m.Verify(ctx, reader, strict); err == nil {
			return &choice{record: r, plan: plan, release: release}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("use layer %s: %w", r.ID, err), release())
}

func (s *Store) better(ctx context.Context, p *Place, a, b *choice) bool {
	if x, y := a.plan.Identical(), b.plan.Identical(); x != y {
		return x > y
	}
	if p.Git == nil || a.record.Commit == b.record.Commit {
		return false
	}
	x, errX := p.Git.Distance(ctx, p.Git.Head, a.record.Commit)
	y, errY := p.Git.Distance(ctx, p.Git.Head, b.record.Commit)
	return errX == nil && (errY != nil || x < y)
}

// UndoReport says what Undo brought back.
type UndoReport struct {
	BuildDir string `json:"build_dir"`
}

// Undo brings back the build directory that the last restore replaced. What it
// replaces is kept in turn: undoing twice changes nothing.
func (s *Store) Undo(ctx context.Context, p *Place, noWait bool, notify Notify) (*UndoReport, error) {
	t := newTarget(p.Workspace.BuildDir)
	release, err := s.claim(ctx, t, notify)
	if err != nil {
		return nil, err
	}
	defer release()
	if !there(t.undo) {
		return nil, fmt.Errorf("undo in %s: %w", t.path, ErrNoUndo)
	}
	was, err := s.look(t)
	if err != nil {
		return nil, err
	}
	r := &UndoReport{t.path}
	if was == absent {
		if err := driver.Publish(t.undo, t.path); err != nil {
			return nil, fmt.Errorf("undo in %s: %w", t.path, explainStub(err))
		}
		return r, pointUndone.Hit()
	}
	locks, err := p.lockCargo(ctx, noWait, notify)
	if err != nil {
		return nil, err
	}
	defer locks.Unlock()
	if err := s.exchange(t, t.undo, locks, pointUndone); err != nil {
		return nil, err
	}
	return r, nil
}

func compareNames(a, b cargo.UnitName) int {
	return cmp.Or(strings.Compare(a.Profile, b.Profile), strings.Compare(a.Package, b.Package),
		strings.Compare(a.Kind, b.Kind), strings.Compare(a.Target, b.Target), strings.Compare(a.Unit, b.Unit))
}
