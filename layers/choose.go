package layers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
)

// choice is a layer found fit for a place, under a lease.
type choice struct {
	record  Record
	plan    *cargo.Plan
	needed  map[string]bool // units that the place needs, if the layer was not made for what it asks for
	held    int             // how many of them the layer has
	others  []*choice       // layers that have what this one lacks, the one with most first
	release func() error
}

// maxCompared bounds how many layers are compared file by file with the place.
// The sources are read once for all; each layer more costs reading its manifest
// (1 ms for 100 kB). What is further back by commit or age is hardly nearer, and
// what holds less cannot spare more.
const maxCompared = 16

// choose chooses once more where all that it chose from was removed meanwhile.
func (s *Store) choose(ctx context.Context, p *Place, o RestoreOptions) (*choice, error) {
	if o.From != "" {
		return s.chooseOnce(ctx, p, o)
	}
	return whileGone(func() (*choice, error) { return s.chooseOnce(ctx, p, o) })
}

// chooseOnce finds the layer for a place: the one of its fingerprint that spares it
// most compiling; among equals the nearest commit, then the newest. Where none has
// its fingerprint, those that hold most of what it needs are compared
// (docs/design/0017-what-is-spared.md).
func (s *Store) chooseOnce(ctx context.Context, p *Place, o RestoreOptions) (*choice, error) {
	candidates, err := s.candidates(ctx, p, o)
	if err != nil {
		return nil, err
	}
	var needed map[string]bool
	if len(candidates) == 0 {
		if candidates, needed, err = s.nearest(ctx, p); err != nil {
			return nil, s.tellLost(err)
		}
	}
	c, err := s.newContest(ctx, p, candidates, needed, o.Strict)
	if err != nil {
		return nil, err
	}
	best, err := c.run(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case needed != nil:
		best.needed, best.held = needed, c.index.held(best.record.ID, needed)
	case !o.NoGraft && !best.plan.MadeFor():
		if err := s.lacking(ctx, p, best); err != nil {
			return nil, errors.Join(err, best.drop())
		}
	}
	if best.needed != nil {
		best.plan.Narrow(best.needed)
	}
	if !o.NoGraft && needed == nil {
		c.join(ctx, best)
	}
	return best, nil
}

// drop gives up the leases of a choice.
func (c *choice) drop() error {
	err := c.release()
	for _, o := range c.others {
		err = errors.Join(err, o.release())
	}
	return err
}

// candidates lists the layers of a place's fingerprint, or the one that was named:
// those of the same commit first, then the newest.
func (s *Store) candidates(ctx context.Context, p *Place, o RestoreOptions) ([]Record, error) {
	if o.From != "" {
		r, err := s.Layer(ctx, o.From)
		if err != nil {
			return nil, err
		}
		return []Record{*r}, nil
	}
	list, err := s.layersOf(ctx, p.Fingerprint.ID)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Record) int {
		return cmp.Compare(unlike(a, head(p)), unlike(b, head(p)))
	})
	return list, nil
}

// unlike orders layers before they are compared: those of the same commit come
// first, and the clean ones of them before the others.
func unlike(r Record, head string) int {
	switch {
	case head == "" || r.Commit != head:
		return 2
	case r.Dirty:
		return 1
	}
	return 0
}

func (s *Store) compare(ctx context.Context, r Record, reader *cargo.Reader, strict bool) (*choice, error) {
	release, err := s.hold(r.ID)
	if err != nil {
		return nil, err
	}
	m, err := s.manifest(r.ID)
	if err == nil {
		var plan *cargo.Plan
		if plan, err = cargo.Verify(ctx, m, reader, strict); err == nil {
			return &choice{record: r, plan: plan, release: release}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("use layer %s: %w", r.ID, err), release())
}

// A contest finds, among layers, the one that spares a place most. What a unit is
// worth is what building it cost, by the index: the same for all layers that have
// it, whatever the machine was doing when each was built. So a layer that has all
// that another has, and more, is never worth less.
type contest struct {
	store  *Store
	place  *Place
	strict bool
	reader *cargo.Reader
	near   []Record        // in the order of candidates
	needed map[string]bool // only these count; nil: all
	index  *index          // nil where there is nothing to choose
	worth  map[string]int64
	spared map[*choice]int64
}

func (s *Store) newContest(ctx context.Context, p *Place, candidates []Record, needed map[string]bool, strict bool) (*contest, error) {
	c := &contest{
		store: s, place: p, strict: strict, reader: cargo.NewReader(p.view(ctx), p.Settings),
		near: candidates, needed: needed, worth: map[string]int64{}, spared: map[*choice]int64{},
	}
	if len(candidates) == 1 && needed == nil {
		return c, nil
	}
	var err error
	if c.index, err = s.index(ctx); err != nil {
		return nil, err
	}
	numbers := c.numbers()
	for key, h := range c.index.units {
		if needed != nil && !needed[key] {
			continue
		}
		for i, n := range numbers {
			if n >= 0 && h.layers.has(n) {
				c.worth[candidates[i].ID] += max(h.cost, 1)
			}
		}
	}
	return c, nil
}

// numbers are those that the candidates have in the index, -1 for one that it lacks.
func (c *contest) numbers() []int {
	numbers := make([]int, len(c.near))
	for i, r := range c.near {
		n, ok := slices.BinarySearch(c.index.layers, r.ID)
		if numbers[i] = n; !ok {
			numbers[i] = -1
		}
	}
	return numbers
}

// run compares layers with the place, by turns the nearest and the one that holds
// most, and returns the best, leased. One that holds no more than the best spares
// is not looked at.
func (c *contest) run(ctx context.Context) (*choice, error) {
	rich := slices.Clone(c.near)
	slices.SortStableFunc(rich, func(a, b Record) int { return cmp.Compare(c.worth[b.ID], c.worth[a.ID]) })
	queues := [2][]Record{c.near, rich}
	tried := map[string]bool{}
	var best *choice
	var unreadable error
	for turn, compared := 0, 0; compared < maxCompared && len(queues[0])+len(queues[1]) > 0; turn++ {
		queue := &queues[turn%2]
		for len(*queue) > 0 && (tried[(*queue)[0].ID] || !c.mayBeat(best, (*queue)[0])) {
			*queue = (*queue)[1:]
		}
		if len(*queue) == 0 {
			continue
		}
		r := (*queue)[0]
		tried[r.ID] = true
		next, err := c.store.compare(ctx, r, c.reader, c.strict)
		if err != nil {
			unreadable = err
			continue
		}
		compared++
		if c.needed != nil && !next.plan.Grafts() {
			unreadable = errors.Join(c.store.none(c.place, "or anything that it needs"), next.release())
			continue
		}
		c.weigh(next)
		if best == nil || c.better(ctx, next, best) {
			best, next = next, best
		}
		if next != nil {
			_ = next.release()
		}
	}
	if err := ctx.Err(); err != nil && best != nil {
		return nil, errors.Join(err, best.release())
	}
	if best == nil {
		return nil, unreadable
	}
	return best, nil
}

// weigh reckons what a layer spares: all that it holds but what is to be rebuilt.
func (c *contest) weigh(x *choice) {
	if c.index == nil {
		return
	}
	spared := c.worth[x.record.ID]
	for _, key := range x.plan.Dirty() {
		if h := c.index.units[key]; h != nil && (c.needed == nil || c.needed[key]) {
			spared -= max(h.cost, 1)
		}
	}
	c.spared[x] = spared
}

// mayBeat reports whether a layer can be better than the best so far. One that
// spares as much may be nearer; but where nothing is left to be rebuilt, that is no
// reason to look.
func (c *contest) mayBeat(best *choice, r Record) bool {
	if best == nil || c.worth[r.ID] > c.spared[best] {
		return true
	}
	return c.worth[r.ID] == c.spared[best] && len(best.plan.Rebuild()) > 0
}

func (c *contest) better(ctx context.Context, a, b *choice) bool {
	if x, y := c.spared[a], c.spared[b]; x != y {
		return x > y
	}
	if x, y := a.plan.FreshInside(), b.plan.FreshInside(); x != y {
		return x > y
	}
	git := c.place.Git
	if git != nil && a.record.Commit != b.record.Commit {
		x, errX := git.Distance(ctx, git.Head, a.record.Commit)
		y, errY := git.Distance(ctx, git.Head, b.record.Commit)
		if (errX == nil) != (errY == nil) || x != y {
			return errX == nil && (errY != nil || x < y)
		}
	}
	was := slices.IndexFunc(c.near, func(r Record) bool { return r.ID == a.record.ID })
	return was < slices.IndexFunc(c.near, func(r Record) bool { return r.ID == b.record.ID })
}

func head(p *Place) string {
	if p.Git == nil {
		return ""
	}
	return p.Git.Head
}
