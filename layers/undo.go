package layers

import (
	"context"
	"errors"
	"fmt"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
)

var pointUndone = crashpoint.New("undo.exchanged")

// UndoReport says what Undo brought back.
type UndoReport struct {
	BuildDir string `json:"build_dir"`
}

// Undoable says what Undo would bring back.
func (s *Store) Undoable(p *Place) (*UndoReport, error) {
	t := newTarget(p)
	if !there(t.undo) && !there(t.misnamed) {
		return nil, fmt.Errorf("undo in %s: %w", t.path, ErrNoUndo)
	}
	return &UndoReport{t.path}, nil
}

// Undo brings back the build directory that the last restore replaced. What it
// replaces is kept in turn: undoing twice changes nothing.
func (s *Store) Undo(ctx context.Context, p *Place, noWait bool, notify Notify) (*UndoReport, error) {
	t := newTarget(p)
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
		if err := own(t.path); err != nil {
			return nil, fmt.Errorf("undo in %s: %w", t.path, err)
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
	if err := errors.Join(disown(t.undo), own(t.path)); err != nil {
		return nil, fmt.Errorf("undo in %s: %w", t.path, err)
	}
	return r, nil
}
