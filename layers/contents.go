package layers

import (
	"context"
	"errors"
	"fmt"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/contents"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/record"
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
	c, err := s.contents(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return &Contents{*r, *c}, nil
}

func (s *Store) contents(ctx context.Context, id string) (*contents.Contents, error) {
	release, err := s.lease(id)
	if errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err == nil {
		defer release()
	}
	m, err := s.manifest(id)
	if err != nil {
		return nil, err
	}
	c, err := contents.Read(ctx, s.tree(id), m, active.UnitCache(s.tree(id)))
	if err != nil {
		return nil, fmt.Errorf("read layer %s: %w", id, err)
	}
	return c, nil
}

// Units says what the units of all layers take. Of a unit the newest layer that has it is
// looked at, as Contents does.
func (s *Store) Units(ctx context.Context) (*holdings.Units, error) {
	x, err := s.index(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, err
	}
	return holdings.LookAtUnits(ctx, x, record.IDs(list), s.contents)
}
