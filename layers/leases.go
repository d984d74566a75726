package layers

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// lease leases a layer, so that nobody removes it, until release is called. A
// layer that is gone, or on its way out, is ErrNotFound.
func (s *Store) lease(id string) (release func() error, err error) {
	release, err = lease.Acquire(filepath.Join(s.opts.Dir, leasesDir), id)
	if errors.Is(err, lease.ErrHeld) {
		return nil, fmt.Errorf("use layer %s: %w: it is being removed", id, ErrNotFound)
	}
	if help.IsReadOnly(err) {
		// Its lease has no file, and none can be made here. Should it be removed at
		// this very moment, what is cloned from it fails.
		release, err = func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("use layer %s: %w", id, err)
	}
	if !rollback.Exists(s.tree(id)) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("use layer %s: %w", id, err), release())
	}
	return release, nil
}
