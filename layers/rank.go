package layers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/index"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

// criteria say which layer is to be chosen.
type criteria struct {
	from    string             // the one, as Store.Layer finds it; "" for the best
	strict  bool               // every unit counts as rebuilt that may name its origin
	noGraft bool               // what others have that the layer lacks does not matter
	onlyNew bool               // cargo waits for it: what is not known is found out only where that pays
	atHand  justintime.Command // what cargo is to build then
	all     bool               // every candidate counts, whether or not it can still win
}

// A Candidate is a layer that a restore chooses among, and what it is worth to a checkout.
type Candidate struct {
	Record
	// Saves is what compiling took, in ms, of all that is fresh in it here.
	Saves   int64 `json:"saves_ms"`
	Rebuild int   `json:"rebuild"` // units of it that differ here
	// Chosen: a restore takes it. Joined: and of this one what that lacks, Units of them.
	Chosen bool `json:"chosen,omitempty"`
	Joined bool `json:"joined,omitempty"`
	Units  int  `json:"gives,omitempty"`
}

// choice is a layer found fit for a checkout, under a lease.
type choice struct {
	record Record
	plan   *cargo.Plan
	// needed are the units that the checkout needs, nil where the layer was made for what
	// it asks for. neededHeld is how many of them the layer has.
	needed     map[string]bool
	neededHeld int
	others     []*choice // layers that have what this one lacks, the one with most first
	ranked     []Candidate
	release    func() error
}

// drop gives up the leases of a choice.
func (c *choice) drop() error {
	err := c.release()
	for _, o := range c.others {
		err = errors.Join(err, o.release())
	}
	return err
}

// maxCompared bounds how many layers are compared file by file with the checkout.
// The sources are read once for all; each layer more costs reading its manifest
// (1 ms for 100 kB). What is further back by commit or age is hardly nearer, and
// what holds less cannot save more.
const maxCompared = 16

// compare takes a layer and compares it with a checkout, by content.
func (s *Store) compare(ctx context.Context, r Record, reader *cargo.Reader, strict bool) (*choice, error) {
	release, err := s.lease(r.ID)
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

// noLayer is the error that no layer serves a checkout whose dependency set none has.
func (s *Store) noLayer(co *Checkout, why string) error {
	return &HelpError{
		Err:  fmt.Errorf("restore: %w: none of %s has the dependency set of this checkout (%s), %s", ErrNoLayer, s.opts.Dir, co.Fingerprint.ID[:8], why),
		Help: "cargo build && cargo cow snapshot",
	}
}

// A ranking finds, among layers, the one that saves a checkout most compiling. What a
// unit is worth is what building it cost, by the index: the same for all layers that
// have it, whatever the machine was doing when each was built. So a layer that has all
// that another has, and more, is never worth less.
type ranking struct {
	store    *Store
	checkout *Checkout
	strict   bool
	all      bool
	reader   *cargo.Reader
	nearest  []Record        // in the order of candidates
	needed   map[string]bool // only these count; nil: all
	index    *index.Index    // nil where there is nothing to choose
	worth    map[string]int64
	saved    map[*choice]int64
}

func (s *Store) newRanking(ctx context.Context, co *Checkout, candidates []Record, needed map[string]bool, want criteria) (*ranking, error) {
	c := &ranking{
		store: s, checkout: co, strict: want.strict, all: want.all, reader: cargo.NewReader(co.View(ctx), co.Settings),
		nearest: candidates, needed: needed, worth: map[string]int64{}, saved: map[*choice]int64{},
	}
	if len(candidates) == 1 && needed == nil && !want.all {
		return c, nil
	}
	var err error
	if c.index, err = s.index(ctx); err != nil {
		return nil, err
	}
	c.index = c.index.For(index.AtHand(want.atHand))
	units := c.index.Units
	if needed != nil {
		units = maps.Keys(needed)
	}
	for i, worth := range c.index.Worth(record.IDs(candidates), units) {
		c.worth[candidates[i].ID] = worth
	}
	return c, nil
}

// run compares layers with the checkout and returns the best, leased. By turns it takes
// the nearest and the one that holds most. A layer that holds no more than the best saves
// cannot win, and is not compared.
func (c *ranking) run(ctx context.Context) (*choice, error) {
	richest := slices.Clone(c.nearest)
	slices.SortStableFunc(richest, func(a, b Record) int { return cmp.Compare(c.worth[b.ID], c.worth[a.ID]) })
	queues := [2][]Record{c.nearest, richest}
	tried := map[string]bool{}
	var all []*choice
	var best *choice
	var unreadable error
	for turn := 0; len(all) < maxCompared && len(queues[0])+len(queues[1]) > 0; turn++ {
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
		if err == nil && c.needed != nil && !next.plan.Grafts() {
			err = errors.Join(c.store.noLayer(c.checkout, "or anything that it needs"), next.release())
		}
		if err != nil {
			unreadable = err
			continue
		}
		c.estimate(next)
		if all = append(all, next); best == nil || c.better(ctx, next, best) {
			best = next
		}
	}
	if best == nil {
		return nil, unreadable
	}
	best = c.losingLeast(ctx, all, best)
	for _, x := range all {
		if x != best || ctx.Err() != nil {
			_ = x.release()
		}
		best.ranked = append(best.ranked, Candidate{Record: x.record, Saves: c.saved[x], Rebuild: len(x.plan.Rebuild())})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return best, nil
}

// losingLeast returns, in place of the best of all, the one with which least is lost: what a
// layer lacks others give (chooseOthers), but a unit that differs in it stays what it is, and
// is compiled, though it is fresh in another. Where trees are not made in constant time,
// nothing of the checkout's own is given.
func (c *ranking) losingLeast(ctx context.Context, all []*choice, best *choice) *choice {
	if c.index == nil || c.needed != nil || !c.store.opts.Driver.Caps().ConstantTime {
		return best
	}
	dirty := map[*choice]map[string]bool{}
	for _, x := range all {
		dirty[x] = x.plan.DirtyKeys()
	}
	lost := func(x *choice) (sum int64) {
		for key := range dirty[x] {
			if slices.ContainsFunc(all, func(y *choice) bool { return c.index.Holds(y.record.ID, key) && !dirty[y][key] }) {
				sum += c.index.Cost(key)
			}
		}
		return sum
	}
	least := lost(best)
	for _, x := range all {
		if n := lost(x); n+minJoined <= least || n == least && x != best && c.better(ctx, x, best) {
			best, least = x, n
		}
	}
	return best
}

// estimate notes what a layer saves: what building all that it holds has cost, less what
// is to be rebuilt.
func (c *ranking) estimate(x *choice) {
	if c.index == nil {
		return
	}
	saved := c.worth[x.record.ID]
	for _, key := range x.plan.Dirty() {
		if c.needed == nil || c.needed[key] {
			saved -= c.index.Cost(key)
		}
	}
	c.saved[x] = saved
}

// mayBeat reports whether a layer can be better than the best so far. One that saves as
// much may be nearer, but that counts only where the best leaves something to be rebuilt.
func (c *ranking) mayBeat(best *choice, r Record) bool {
	if best == nil || c.all || c.worth[r.ID] > c.saved[best] {
		return true
	}
	// And what differs in a layer that was not built at this commit another one may have as it is.
	return c.worth[r.ID] == c.saved[best] && len(best.plan.Rebuild()) > 0 ||
		best.record.FarFrom(c.checkout.Head()) > 0 && len(best.plan.Dirty()) > 0
}

func (c *ranking) better(ctx context.Context, a, b *choice) bool {
	if x, y := c.saved[a], c.saved[b]; x != y {
		return x > y
	}
	if x, y := a.plan.FreshInside(), b.plan.FreshInside(); x != y {
		return x > y
	}
	git := c.checkout.Git
	if git != nil && a.record.Commit != b.record.Commit {
		x, errX := git.Distance(ctx, git.Head, a.record.Commit)
		y, errY := git.Distance(ctx, git.Head, b.record.Commit)
		if (errX == nil) != (errY == nil) || x != y {
			return errX == nil && (errY != nil || x < y)
		}
	}
	was := slices.IndexFunc(c.nearest, func(r Record) bool { return r.ID == a.record.ID })
	return was < slices.IndexFunc(c.nearest, func(r Record) bool { return r.ID == b.record.ID })
}

const (
	// maxJoined bounds how many layers are joined to the best one: those who build,
	// check and test in turns have that many kinds of layers.
	maxJoined = 3
	// minJoined is what building the units must have taken, in ms, for which a layer
	// is joined: about what joining it takes.
	minJoined = 20
)

// chooseOthers adds to the best layer others that have what it lacks, each compared with the
// checkout. The restore goes without them as well, so one that cannot be used is left out.
func (c *ranking) chooseOthers(ctx context.Context, best *choice) {
	if c.index == nil {
		return
	}
	have := func(key string) bool { return c.index.Holds(best.record.ID, key) }
	for range maxJoined {
		r := c.nextSource(best, have)
		if r == nil {
			return
		}
		other, err := c.store.compare(ctx, *r, c.reader, c.strict)
		c.nearest = slices.DeleteFunc(slices.Clone(c.nearest), func(n Record) bool { return n.ID == r.ID })
		if err != nil {
			continue
		}
		dirty := other.plan.DirtyKeys()
		other.needed = map[string]bool{}
		worth := int64(0)
		for key := range c.index.Units {
			if c.index.Holds(r.ID, key) && !have(key) && !dirty[key] && (best.needed == nil || best.needed[key]) {
				other.needed[key] = true
				worth += c.index.Cost(key)
			}
		}
		if worth < minJoined {
			_ = other.release()
			continue
		}
		best.others = append(best.others, other)
		had := have
		have = func(key string) bool { return had(key) || other.needed[key] }
	}
}

// nextSource returns the layer that holds most of what is lacking; nil if none holds
// enough of it.
func (c *ranking) nextSource(best *choice, have func(key string) bool) *Record {
	lacking := func(yield func(string) bool) {
		for key := range c.index.Units {
			if !have(key) && (best.needed == nil || best.needed[key]) && !yield(key) {
				return
			}
		}
	}
	worth := c.index.Worth(record.IDs(c.nearest), lacking)
	top := -1
	for i, w := range worth {
		if w >= minJoined && c.nearest[i].ID != best.record.ID && (top < 0 || w > worth[top]) {
			top = i
		}
	}
	if top < 0 {
		return nil
	}
	return &c.nearest[top]
}
