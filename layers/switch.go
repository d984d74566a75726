package layers

import (
	"context"
	"errors"

	"github.com/cargo-cow/cargo-cow/layers/active"
)

// SwitchOptions say how to follow a checkout.
type SwitchOptions struct {
	Strict bool // have every unit rebuilt that may name its origin
	NoWait bool // fail with ErrBusy instead of waiting for Cargo, or for a command that may wait for it
	// Richer: a layer is taken for what it holds beyond the build directory, too, where nothing
	// in that is to be compiled.
	Richer bool
	Notify Notify
}

// SwitchReport says what became of the build directory.
type SwitchReport struct {
	// Restored is nil where the build directory was kept.
	Restored *RestoreReport
	Why      string // it was kept
}

// Switch makes the build directory fit what was checked out just now. It restores the best
// layer if that leaves less to be compiled than the build directory does as it is, and
// keeps the build directory otherwise. What it replaces can be brought back with Undo. A
// build directory that is the same as a layer is never kept where Cargo would miss a
// difference (docs/design/0009-switch.md).
func (s *Store) Switch(ctx context.Context, co *Checkout, o SwitchOptions) (*SwitchReport, error) {
	w, err := s.begin(ctx, co, o.NoWait, o.Notify)
	if err != nil {
		return nil, err
	}
	defer w.end()
	if err := w.startClock(ctx); err != nil {
		return nil, err
	}
	if err := co.CheckStill(ctx); err != nil {
		return nil, err
	}
	x := newComparison(w)
	defer x.release()
	if w.kind != active.Absent {
		if err := x.assess(ctx, o.Strict); err != nil {
			return nil, err
		}
		if !o.Richer && x.upToDate() {
			return &SwitchReport{Why: "nothing in it is to be compiled"}, nil
		}
	}
	ro := RestoreOptions{Strict: o.Strict, NoWait: o.NoWait, Notify: o.Notify}
	c, err := s.choose(ctx, co, ro.criteria())
	switch {
	case err == nil:
		defer c.drop()
	case !errors.Is(err, ErrNoLayer):
		return nil, err
	}
	if w.kind != active.Absent {
		if c, err = x.pick(ctx, c); err != nil {
			return nil, err
		}
	}
	if c == nil {
		return &SwitchReport{Why: "no layer leaves less to be compiled"}, nil
	}
	if err := pointVerified.Hit(); err != nil {
		return nil, err
	}
	r, err := w.restore(ctx, c, ro)
	return &SwitchReport{Restored: r}, err
}
