package layers

import (
	"context"
	"fmt"

	"github.com/cargo-cow/cargo-cow/layers/active"
)

// UndoReport says what Undo brought back.
type UndoReport struct {
	BuildDir string `json:"build_dir"`
}

// Undoable says what Undo would bring back.
func (s *Store) Undoable(co *Checkout) (*UndoReport, error) {
	return undoable(co.BuildDir())
}

func undoable(d active.Dir) (*UndoReport, error) {
	if !d.Undoable() {
		return nil, fmt.Errorf("undo in %s: %w", d.Path, ErrNoUndo)
	}
	return &UndoReport{d.Path}, nil
}

// Undo brings back the build directory that the last restore replaced. What it
// replaces is kept in turn: undoing twice changes nothing.
func (s *Store) Undo(ctx context.Context, co *Checkout, noWait bool, notify Notify) (*UndoReport, error) {
	w, err := s.claim(ctx, co, noWait, notify)
	if err != nil {
		return nil, err
	}
	defer w.end()
	r, err := undoable(w.dir.Dir)
	if err != nil {
		return nil, err
	}
	if err := w.identify(); err != nil {
		return nil, err
	}
	if w.kind != active.Absent {
		if err := w.lockCargo(ctx, noWait); err != nil {
			return nil, err
		}
	}
	if err := w.dir.BringBack(); err != nil {
		return nil, err
	}
	return r, nil
}
