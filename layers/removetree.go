package layers

import (
	"context"
	"errors"
	"fmt"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// RemoveTree removes a build directory, or what undo would bring back, unless it is in use:
// then it fails with ErrBusy. Once nobody can change it any more, still says whether it is to go
// all the same.
func (s *Store) RemoveTree(ctx context.Context, t whereabouts.Tree, still func() bool) (err error) {
	failed := func(err error) error { return fmt.Errorf("remove %s: %w", t.Path, err) }
	d := active.Found(t.Of)
	c, err := active.Take(ctx, d, s.claimOptions(true), nil)
	if err != nil {
		return failed(err)
	}
	defer c.Release()
	if t.Undo {
		if !still() {
			return failed(ErrBusy)
		}
		return c.DiscardUndo(ctx)
	}
	if kind, err := d.Kind(s.opts.Driver); err != nil || kind == active.Absent {
		return err
	}
	if err := c.LockCargo(ctx, t.Path, true, nil); err != nil {
		return failed(err)
	}
	if !still() {
		return failed(ErrBusy)
	}
	return c.Discard(ctx)
}

// Tidy puts away what a process that died has left beside a build directory, unless that is in
// use: then whoever uses it does so.
func (s *Store) Tidy(ctx context.Context, buildDir string) error {
	c, err := active.Take(ctx, active.Found(buildDir), s.claimOptions(true), nil)
	if errors.Is(err, ErrBusy) {
		return nil
	}
	if err == nil {
		err = c.Release()
	}
	if err != nil {
		return fmt.Errorf("tidy up beside %s: %w", buildDir, err)
	}
	return nil
}
