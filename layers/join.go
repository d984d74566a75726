package layers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/reflink"
)

const (
	// maxJoined bounds how many layers are joined to the best one: those who build,
	// check and test in turns have that many kinds of layers.
	maxJoined = 3
	// minJoined is what building the units must have taken, in ms, for which a layer
	// is joined: about what joining it takes.
	minJoined = 20
)

// join finds the layers that have what the best one lacks, compares them with the
// place, and has them given with it. What it finds is a gain and no need: whatever
// fails is left out.
func (c *contest) join(ctx context.Context, best *choice) {
	if c.index == nil {
		return
	}
	have := func(key string) bool { return c.index.holds(best.record.ID, key) }
	for range maxJoined {
		r := c.richest(best, have)
		if r == nil {
			return
		}
		other, err := c.store.compare(ctx, *r, c.reader, c.strict)
		c.near = slices.DeleteFunc(slices.Clone(c.near), func(n Record) bool { return n.ID == r.ID })
		if err != nil {
			continue
		}
		dirty := map[string]bool{}
		for _, key := range other.plan.Dirty() {
			dirty[key] = true
		}
		other.needed = map[string]bool{}
		worth := int64(0)
		for key, h := range c.index.units {
			if c.index.holds(r.ID, key) && !have(key) && !dirty[key] && (best.needed == nil || best.needed[key]) {
				other.needed[key] = true
				worth += max(h.cost, 1)
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

// richest returns the layer that holds most of what is lacking; nil if that is not
// worth it in any.
func (c *contest) richest(best *choice, have func(key string) bool) *Record {
	worth := make([]int64, len(c.near))
	numbers := c.numbers()
	for key, h := range c.index.units {
		if have(key) || best.needed != nil && !best.needed[key] {
			continue
		}
		for i, n := range numbers {
			if n >= 0 && c.near[i].ID != best.record.ID && h.layers.has(n) {
				worth[i] += max(h.cost, 1)
			}
		}
	}
	top := -1
	for i, w := range worth {
		if w >= minJoined && (top < 0 || w > worth[top]) {
			top = i
		}
	}
	if top < 0 {
		return nil
	}
	return &c.near[top]
}

// join puts into tmp, made true for the place from the layer that was chosen, what
// other layers have: units of registries and the place's own alike. Each of these
// layers is made true for the place as well, in a copy beside, and gives the units
// that are fresh there, with all they depend on. Where copies take their time, it
// gives only what is the same in any place, as it is.
func (s *Store) join(ctx context.Context, p *Place, t target, tmp string, c *choice, t0 time.Time, strict bool) (*Grafted, error) {
	var done *Grafted
	for _, o := range c.others {
		var given *Grafted
		var err error
		if s.opts.Driver.Caps().ConstantTime {
			given, err = s.joinOne(ctx, p, t, tmp, o, t0)
		} else if given, err = s.graft(ctx, p, tmp, o.needed, []string{o.record.ID}, strict); err == nil {
			given.Lacking = 0
		}
		if err != nil {
			return nil, err
		}
		if len(given.Units) > 0 {
			s.used(o.record.ID)
			done = done.and(given)
		}
	}
	return done, nil
}

func (s *Store) joinOne(ctx context.Context, p *Place, t target, tmp string, o *choice, t0 time.Time) (given *Grafted, err error) {
	beside, err := s.prepare(ctx, t, s.tree(o.record.ID))
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, s.opts.Driver.Delete(context.WithoutCancel(ctx), beside))
	}()
	if _, err := o.plan.Apply(ctx, beside, t0); err != nil {
		return nil, err
	}
	stock, err := cargo.StockOf(o.plan, beside, readRecall(beside))
	if err != nil {
		return nil, err
	}
	g, err := cargo.NewGraft(tmp, p.Workspace.CargoHome, readRecall(tmp))
	if err != nil {
		return nil, err
	}
	given = &Grafted{}
	if g.Take(stock, slices.SortedFunc(keysOf(o.needed), cmp.Compare[string])) == 0 {
		return given, nil
	}
	copier := reflink.NewCopier(reflink.Auto)
	if err := g.Apply(ctx, func(dst, src string, mtime time.Time) error {
		return cloneFile(ctx, copier, dst, src, mtime)
	}); err != nil {
		return nil, err
	}
	m, _ := previous(tmp)
	if m == nil {
		return nil, errors.New("join layers: no manifest in " + tmp)
	}
	cargo.Join(m, o.plan, g)
	b, err := m.Encode()
	if err != nil {
		return nil, err
	}
	given.Units, given.From = g.Taken(), []string{o.record.ID}
	return given, writeMeta(tmp, manifestFile, b)
}

func keysOf(m map[string]bool) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// and adds up what two grafts did; either may be nil.
func (g *Grafted) and(more *Grafted) *Grafted {
	if g == nil || more == nil {
		return cmp.Or(g, more)
	}
	from := slices.Clone(g.From)
	for _, id := range more.From {
		if !slices.Contains(from, id) {
			from = append(from, id)
		}
	}
	return &Grafted{slices.Concat(g.Units, more.Units), from, more.Lacking}
}
