package layers

import (
	"cmp"
	"context"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// Candidates are the layers that a restore compares with a checkout, those first that save
// most. Nothing is restored. The error wraps ErrNoLayer where there is none.
func (s *Store) Candidates(ctx context.Context, co *Checkout, o RestoreOptions) ([]Candidate, error) {
	want := o.criteria()
	want.all = true
	best, err := s.choose(ctx, co, want)
	if err != nil {
		return nil, err
	}
	defer best.drop()
	list := best.ranked
	given := map[string]int{}
	for _, other := range best.others {
		given[other.record.ID] = len(other.needed)
	}
	for i := range list {
		c := &list[i]
		c.Chosen = c.ID == best.record.ID
		c.Units, c.Joined = given[c.ID]
	}
	slices.SortStableFunc(list, func(a, b Candidate) int { return cmp.Compare(b.Saves, a.Saves) })
	return list, nil
}

// Better returns the layer that saves the next build more than the build directory does as it
// is, and how much compiling that is, in ms; nil where there is none of the checkout's
// dependencies, or no build directory. Cargo is not asked, so units count that may not be needed.
func (s *Store) Better(ctx context.Context, co *Checkout, strict bool) (*Record, int64, error) {
	if co.Fingerprint == nil || !rollback.Exists(co.Workspace.BuildDir) {
		return nil, 0, nil
	}
	list, err := s.layersOf(ctx, co.Fingerprint.ID)
	if err != nil || len(list) == 0 {
		return nil, 0, err
	}
	x := &comparison{store: s, checkout: co, dir: co.Workspace.BuildDir, states: map[*choice]*buildState{}}
	defer x.release()
	if err := x.assess(ctx, strict); err != nil {
		return nil, 0, err
	}
	best, err := s.choose(ctx, co, criteria{strict: strict, noGraft: true})
	if err != nil {
		return nil, 0, err
	}
	defer best.drop()
	there, here := x.state(best), x.state(nil)
	if more := x.onlyIn(there, here) - x.onlyIn(here, there); more > 0 {
		return &best.record, more, nil
	}
	return nil, 0, nil
}
