package layers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/driver"
)

// rolledBack is the error for a build directory of which a roll-back has left only
// the name.
func rolledBack() error {
	return &HelpError{
		Err:  fmt.Errorf("%w: %w", ErrNoTarget, ErrRolledBack),
		Help: "run `cargo cow restore`, or `cargo cow init` where there is no layer",
	}
}

// RolledBackStore is the error for a store of which a roll-back has left only the
// name.
func RolledBackStore(dir string) error {
	return &HelpError{
		Err:  fmt.Errorf("open store %s: %w: %w", dir, ErrNoStore, ErrRolledBack),
		Help: "run `cargo cow init`, which makes a new one; the layers are in the subvolume from before the roll-back, if it was kept",
	}
}

// Lost lists the layers of which a roll-back has left only the names.
func (s *Store) Lost() []string { return slices.Clone(s.lost) }

// tellLost has an error about a layer that was not found say that a roll-back took
// some, where it did.
func (s *Store) tellLost(err error) error {
	if len(s.lost) == 0 || !errors.Is(err, ErrNoLayer) {
		return err
	}
	return &HelpError{
		Err:  fmt.Errorf("%w; a roll-back of the subvolume around %s took %d of its layers along", err, s.opts.Dir, len(s.lost)),
		Help: "build here and run `cargo cow snapshot`; the layers are in the subvolume from before the roll-back, if it was kept, and `cargo cow check --repair` forgets them",
	}
}

// lostLayer finds a layer that a roll-back took by the first digits of its id, or
// by its label.
func (s *Store) lostLayer(ref string) error {
	for _, id := range s.lost {
		r, err := s.records().Read(id)
		if len(ref) >= 4 && strings.HasPrefix(id, ref) || ref != "" && err == nil && r.Label == ref {
			return &HelpError{
				Err:  fmt.Errorf("find layer %s: %w: a roll-back of the subvolume around %s took it along", ref, ErrNotFound, s.opts.Dir),
				Help: "run `cargo cow check --repair`, which forgets it",
			}
		}
	}
	return nil
}

// forgetLost removes what a roll-back has left of a layer: its name and its record.
func (s *Store) forgetLost(id string) error {
	if err := driver.ClearStub(s.tree(id)); err != nil {
		return err
	}
	return s.records().Remove(id)
}
