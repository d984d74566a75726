package layers

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
)

// Layers lists the layers, newest first. One that cannot be read is left out;
// Check tells of it.
func (s *Store) Layers(ctx context.Context) ([]Record, error) { return s.layersOf(ctx, "") }

// layersOf lists the layers of one fingerprint, or all if it is "".
func (s *Store) layersOf(ctx context.Context, fingerprint string) ([]Record, error) {
	trees, err := ls.Names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return nil, fmt.Errorf("list layers: %w", err)
	}
	trees = s.withoutLost(slices.DeleteFunc(trees, func(t string) bool { return !digest.Is(t) }))
	list, err := s.records().List(ctx, trees, fingerprint, s.record)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Record) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// Layer finds the layer that ref names: "latest", a label, or the first four or
// more digits of an id. Of several layers with one label it is the newest.
func (s *Store) Layer(ctx context.Context, ref string) (*Record, error) {
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, err
	}
	if ref == "latest" && len(list) > 0 {
		return &list[0], nil
	}
	for i := range list {
		if list[i].Label == ref && ref != "" {
			return &list[i], nil
		}
	}
	var found *Record
	for i := range list {
		if len(ref) >= 4 && strings.HasPrefix(list[i].ID, ref) {
			if found != nil {
				return nil, fmt.Errorf("find layer %s: %w", ref, ErrAmbiguous)
			}
			found = &list[i]
		}
	}
	if found == nil {
		if err := s.lostLayer(ref); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("find layer %s: %w", ref, ErrNotFound)
	}
	return found, nil
}

// Show returns a layer's record, its fingerprint with every ingredient, and the
// units its manifest lists.
func (s *Store) Show(ctx context.Context, ref string) (*Record, *depset.Fingerprint, []manifest.Listed, error) {
	r, err := s.Layer(ctx, ref)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err := s.manifest(r.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	return r, &m.Fingerprint, m.List(), nil
}
