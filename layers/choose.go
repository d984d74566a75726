package layers

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/planner"
	"github.com/cargo-cow/cargo-cow/layers/index"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

// choose finds the layer for a checkout (chooseOnce). Where the layers that it chose from
// were removed meanwhile, it begins again.
func (s *Store) choose(ctx context.Context, co *Checkout, want criteria) (*choice, error) {
	if want.from != "" {
		return s.chooseOnce(ctx, co, want)
	}
	return whileGone(func() (*choice, error) { return s.chooseOnce(ctx, co, want) })
}

// chooseOnce finds the layer for a checkout: the one of its fingerprint that saves it
// most compiling; among equals the nearest commit, then the newest. Where none has
// its fingerprint, those that hold most of what it needs are compared
// (docs/design/0017-what-is-spared.md).
func (s *Store) chooseOnce(ctx context.Context, co *Checkout, want criteria) (*choice, error) {
	candidates, err := s.candidates(ctx, co, want.from)
	if err != nil {
		return nil, err
	}
	var needed map[string]bool
	if len(candidates) == 0 {
		if candidates, needed, err = s.nearest(ctx, co, want.onlyNew); err != nil {
			return nil, s.tellLost(err)
		}
	}
	c, err := s.newRanking(ctx, co, candidates, needed, want)
	if err != nil {
		return nil, err
	}
	best, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case needed != nil:
		best.needed, best.neededHeld = needed, c.index.CountHeld(best.record.ID, needed)
	case !want.noGraft && !best.plan.MadeFor() && !(want.onlyNew && len(candidates) == 1):
		if err := s.lacking(ctx, co, best); err != nil {
			return nil, errors.Join(err, best.drop())
		}
	}
	if best.needed != nil {
		best.plan.Narrow(best.needed)
	}
	if !want.noGraft && needed == nil {
		c.chooseOthers(ctx, best)
	}
	return best, nil
}

// candidates lists the layers of a checkout's fingerprint, or the one that was named:
// those of the same commit first, then the newest.
func (s *Store) candidates(ctx context.Context, co *Checkout, from string) ([]Record, error) {
	if from != "" {
		r, err := s.Layer(ctx, from)
		if err != nil {
			return nil, err
		}
		return []Record{*r}, nil
	}
	list, err := s.layersOf(ctx, co.Fingerprint.ID)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Record) int {
		return cmp.Compare(a.FarFrom(co.Head()), b.FarFrom(co.Head()))
	})
	return list, nil
}

// nearest lists the layers that hold any of what a checkout needs whose dependency
// set no layer has, the one that holds most first, and what the checkout needs. The
// error wraps ErrNoLayer when none holds any.
func (s *Store) nearest(ctx context.Context, co *Checkout, onlyNew bool) ([]Record, map[string]bool, error) {
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, nil, err
	}
	// Another compiler's units have other ids.
	list = slices.DeleteFunc(list, func(r Record) bool { return r.Rustc != co.Fingerprint.Get("rustc") })
	profiles := record.ProfilesOf(list)
	if len(profiles) == 0 {
		return nil, nil, s.noLayer(co, "or was built by its compiler")
	}
	x, err := s.index(ctx)
	if err != nil {
		return nil, nil, err
	}
	if onlyNew {
		if covering, held := s.covering(co, x, list); len(covering) > 0 {
			return covering, held, nil
		}
	}
	// Of other versions they may hold as much: then it is asked in vain.
	if onlyNew && x.CostOf(co.Locked()) < minPlanned {
		return nil, nil, s.noLayer(co, "or enough of what it needs for cargo to be asked")
	}
	needed, err := s.plan(ctx, co, profiles[:min(len(profiles), maxPlanned)], x.Checked())
	if errors.Is(err, planner.ErrPlanning) {
		return nil, nil, s.noLayer(co, "and what it needs is not known: "+err.Error())
	}
	if err != nil {
		return nil, nil, err
	}
	worth := map[string]int64{}
	for i, w := range x.Worth(record.IDs(list), maps.Keys(needed)) {
		worth[list[i].ID] = w
	}
	list = slices.DeleteFunc(list, func(r Record) bool { return worth[r.ID] == 0 })
	// Of two that hold the same, the newer one.
	slices.SortStableFunc(list, func(a, b Record) int { return cmp.Compare(worth[b.ID], worth[a.ID]) })
	if len(list) == 0 {
		return nil, nil, s.noLayer(co, "or anything that it needs")
	}
	return list, needed, nil
}

// covering lists those of the layers that were built of all that a checkout's lockfile names, the one
// that holds most first, and what of that it may need: all units of those packages. With other features
// some are of no use; who waits is spared the question which. There are none where so much else is in
// others of them that asking pays.
func (s *Store) covering(co *Checkout, x *index.Index, list []Record) (covering []Record, held map[string]bool) {
	byID, known := map[string]Record{}, map[string]bool{} // by fingerprint: many layers have the same
	for _, r := range list {
		byID[r.ID] = r
	}
	sorted, held := x.Cover(record.IDs(list), co.Locked(), minPlanned, func(id string) bool {
		r := byID[id]
		covers, read := known[r.Fingerprint]
		if !read && len(known) < maxCovering {
			m, err := s.manifest(id)
			covers = err == nil && m.Fingerprint.Covers(co.Fingerprint, r.Profiles)
			known[r.Fingerprint] = covers
		}
		return covers
	})
	for _, id := range sorted {
		covering = append(covering, byID[id])
	}
	return covering, held
}

// maxCovering bounds how many manifests are read for that, at some ms each.
const maxCovering = 4

// minPlanned is what layers must hold, in ms of compiling, for cargo to be asked what a build
// needs while a cargo waits: asking takes 0.3 to 1.4 s of one processor (projects of 60 to
// 400 units), a build has several.
const minPlanned = 5000

// lacking finds out what a checkout needs, for a layer that was made for other
// dependencies, or other features of them. Where that cannot be found out, the layer
// serves all the same.
func (s *Store) lacking(ctx context.Context, co *Checkout, c *choice) error {
	x, err := s.index(ctx)
	if err != nil {
		return err
	}
	needed, err := s.plan(ctx, co, c.record.Profiles[:min(len(c.record.Profiles), maxPlanned)], x.Checked())
	if err := ctx.Err(); err != nil {
		return err
	}
	if err == nil {
		c.needed, c.neededHeld = needed, x.CountHeld(c.record.ID, needed)
	}
	return nil
}

// maxGone bounds how often a choice is made again. A removal is over in a moment,
// so each time there are other layers; one that goes on and on, in a process that
// was stopped, must not keep a restore.
const maxGone = 4

// whileGone chooses again as long as what was chosen is gone when it is to be used.
func whileGone(choose func() (*choice, error)) (*choice, error) {
	for n := 1; ; n++ {
		c, err := choose()
		if n == maxGone || !errors.Is(err, ErrNotFound) {
			return c, err
		}
	}
}
