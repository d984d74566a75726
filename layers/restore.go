package layers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
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
	// Grafted is what other layers gave; nil where none was asked: the layer was
	// named, or no other has anything that it lacks.
	Grafted *Grafted
}

// Restore makes a writable copy of a layer, true for the place, its build
// directory. Sources are never touched.
func (s *Store) Restore(ctx context.Context, p *Place, o RestoreOptions) (*RestoreReport, error) {
	t := newTarget(p)
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
	defer c.drop()
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
		err = p.leave(tmp, c.plan, o.Strict)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("restore %s: %w", t.path, err), s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
	}
	if r.Grafted, err = s.join(ctx, p, t, tmp, c, t0, o.Strict); err == nil && c.needed != nil && !o.NoGraft {
		var more *Grafted
		if more, err = s.graft(ctx, p, tmp, c.needed, nil, o.Strict); err == nil {
			r.Grafted = r.Grafted.and(more)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("restore %s: %w", t.path, err), s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
	}
	active := Active{Layer: c.record.ID, Restored: t0.UnixNano(), Noted: c.plan.Noted(), Lacked: c.plan.Lacked()}
	if active.Placed, err = s.now(t); err == nil {
		err = active.write(tmp)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("restore %s: %w", t.path, err), s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
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
	worthless, err := s.worthless(t)
	if err != nil {
		return err
	}
	replaced, err := s.install(t, tmp, locks)
	if err != nil {
		return err
	}
	if replaced != "" {
		if worthless {
			err = s.opts.Driver.Delete(ctx, replaced)
		} else {
			err = s.setAside(ctx, t, replaced)
		}
		if err != nil {
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

// replace is the second half of a restore.
func (s *Store) replace(ctx context.Context, p *Place, t target, c *choice, t0 time.Time, o RestoreOptions) (*RestoreReport, error) {
	s.used(c.record.ID)
	if !p.Settings.Rules.On(cargo.RuleClock) {
		var err error
		if t0, err = s.instant(ctx, t); err != nil {
			return nil, err
		}
	}
	r := &RestoreReport{Record: c.record, SameCommit: p.Git != nil && p.Git.Head != "" && p.Git.Head == c.record.Commit}
	return r, s.place(ctx, p, t, c, t0, o, r)
}
