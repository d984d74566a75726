package layers

import (
	"context"
	"errors"
	"fmt"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/contents"
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
