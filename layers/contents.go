package layers

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/contents"
	"github.com/cargo-cow/cargo-cow/layers/space"
)

// Contents is what a layer holds, by package.
type Contents struct {
	Record
	contents.Contents
}

// Contents reads a layer. It looks at every file, as du(1) does, and holds the
// layer meanwhile, but for one on a disk where nothing can be noted.
func (s *Store) Contents(ctx context.Context, ref string) (*Contents, error) {
	r, err := s.Layer(ctx, ref)
	if err != nil {
		return nil, err
	}
	release, err := s.lease(r.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err == nil {
		defer release()
	}
	m, err := s.manifest(r.ID)
	if err != nil {
		return nil, err
	}
	c, err := contents.Read(ctx, s.tree(r.ID), m, active.UnitCache(s.tree(r.ID)))
	if err != nil {
		return nil, fmt.Errorf("read layer %s: %w", r.ID, err)
	}
	return &Contents{*r, *c}, nil
}

// Sizes says of layers how many bytes each would take if it shared nothing, as far as
// that is known or can be found out within patience, those first that come first.
func (s *Store) Sizes(ctx context.Context, list []Record, patience time.Duration) (map[string]int64, error) {
	return space.Sizes(ctx, filepath.Join(s.opts.Dir, sizesFile), ids(list), s.tree, s.ids, patience)
}

// Space says what layers take together, by who shares it.
func (s *Store) Space(ctx context.Context, ids []string) ([]space.Piece, error) {
	return space.Together(ctx, ids, s.tree)
}
