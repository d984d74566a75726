package layers

import (
	"context"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/space"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// Sizes says of layers how many bytes each would take if it shared nothing, as far as
// that is known or can be found out within patience, those first that come first.
func (s *Store) Sizes(ctx context.Context, list []Record, patience time.Duration) (map[string]int64, error) {
	return space.Sizes(ctx, filepath.Join(s.opts.Dir, sizesFile), record.IDs(list), s.tree, s.ids, patience)
}

// Survey says what takes room on the disk of the store, by the build directories that were
// found.
func (s *Store) Survey(ctx context.Context, found *whereabouts.Checkouts) (*holdings.Survey, error) {
	x, err := s.index(ctx)
	if err != nil {
		return nil, err
	}
	return holdings.Look(ctx, holdings.Store{
		Dir: s.opts.Dir, Driver: s.opts.Driver, Layers: x.Layers(), Index: x, Found: found,
	})
}

// places is what is asked of the store about where its build directories are.
func (s *Store) places() whereabouts.Store {
	return whereabouts.Store{Dir: s.opts.Dir, Claims: filepath.Join(s.opts.Dir, leasesDir), Driver: s.opts.Driver, Manifest: s.manifest}
}
