package prune

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// HalfLife is how long it takes until what is not used is worth half as much. No
// measurement stands behind the week: it has a layer of this morning outweigh one of last
// month by its age alone sixteen times, and what was compiled for minutes outweigh what was
// for seconds within the same week.
const HalfLife = 7 * 24 * time.Hour

// A Share is what certain items hold, each all of it, by their ids: data, or the units that
// somebody has compiled.
type Share struct {
	Amount int64 // bytes, or ms of compiling
	Items  []string
	// Held: something that is not the store's holds it, too, such as a build directory, and
	// so it is neither freed nor lost, nor does the store take it.
	Held bool
	// Stays: something of the store's that is none of the items holds it, too.
	Stays bool
}

// Shares are all that items hold.
type Shares struct{ Data, Work []Share }

// An Outcome is what comes of a plan.
type Outcome struct {
	Size  int64 // bytes that only the store holds then
	Frees int64 // bytes
	Costs int64 // ms of compiling, added up, of the units that nothing has any more
}

// Fit makes the plan remove, of what nothing protects, as much as it takes for the store to
// take no more than the policy's KeepUnder, of what nothing else holds, and for its Free to
// become free, and says what comes of the plan.
//
// An item is worth what its units cost to compile that nothing has which stays in any case,
// shared evenly with the others that have them, and half as much for each HalfLife that it
// was not used. It is removed if that is little for each byte that it frees; bytes that
// several hold are shared evenly among them, too, as two that share only with each
// other free nothing but together. What turns out not to be needed in the end stays.
func (p *Plan) Fit(s Shares, policy Policy, now time.Time) Outcome {
	f := newFitting(p, s)
	for _, v := range p.Victims {
		f.remove(v.ID)
	}
	var candidates []*candidate
	for _, c := range p.Kept {
		if c.Why == Unmatched {
			weight := math.Exp2(-float64(now.Sub(c.Used())) / float64(HalfLife))
			candidates = append(candidates, &candidate{choice: c, weight: weight})
		}
	}
	chosen := f.choose(candidates, policy)
	// The dearest first: what others free as well need not go.
	spared := map[string]bool{}
	for _, c := range slices.Backward(chosen) {
		if f.put(c.choice.ID); !f.done(policy) {
			f.remove(c.choice.ID)
		} else {
			spared[c.choice.ID] = true
		}
	}
	goes := map[string]bool{}
	for _, c := range chosen {
		goes[c.choice.ID] = !spared[c.choice.ID]
	}
	p.Kept = slices.DeleteFunc(p.Kept, func(c Choice) bool {
		if goes[c.ID] {
			c.Why = Space
			p.Victims = append(p.Victims, c)
		}
		return goes[c.ID]
	})
	slices.SortStableFunc(p.Victims, func(a, b Choice) int { return a.Used().Compare(b.Used()) })
	return f.Outcome
}

// candidate is an item that may go, and what it is worth.
type candidate struct {
	choice Choice
	weight float64
	price  float64 // of a byte; the greatest where it frees none
}

// choose removes the cheapest until the goals are met, or nothing frees any more, and
// returns what it has removed. After each twentieth part of the candidates prices are found
// again: what one has held with others is theirs then.
func (f *fitting) choose(left []*candidate, policy Policy) (chosen []*candidate) {
	for !f.done(policy) {
		for _, c := range left {
			c.price = f.price(c)
		}
		slices.SortStableFunc(left, func(a, b *candidate) int {
			return cmp.Or(cmp.Compare(a.price, b.price), a.choice.Used().Compare(b.choice.Used()), strings.Compare(a.choice.ID, b.choice.ID))
		})
		batch := max(1, len(left)/20)
		n := 0
		for n < len(left) && n < batch && left[n].price < math.MaxFloat64 && !f.done(policy) {
			f.remove(left[n].choice.ID)
			n++
		}
		if n == 0 {
			break
		}
		chosen, left = append(chosen, left[:n]...), left[n:]
	}
	return chosen
}

// fitting is how far the removing has come.
type fitting struct {
	Outcome
	data, work []holding
	held       map[string]*hold
}

// holding is a share, and how many of its items stay.
type holding struct {
	*Share
	left int
	kept bool // it stays in any case
}

// hold is what an item holds, by indices.
type hold struct{ data, work []int }

func newFitting(p *Plan, s Shares) *fitting {
	f := &fitting{held: map[string]*hold{}}
	protected := map[string]bool{}
	for _, c := range p.Kept {
		protected[c.ID] = c.Why != Unmatched
	}
	enter := func(all []Share, note func(h *hold, i int)) []holding {
		list := make([]holding, len(all))
		for i := range all {
			list[i] = holding{Share: &all[i], left: len(all[i].Items), kept: all[i].Held || all[i].Stays}
			for _, id := range all[i].Items {
				list[i].kept = list[i].kept || protected[id]
				if f.held[id] == nil {
					f.held[id] = &hold{}
				}
				note(f.held[id], i)
			}
		}
		return list
	}
	f.data = enter(s.Data, func(h *hold, i int) { h.data = append(h.data, i) })
	f.work = enter(s.Work, func(h *hold, i int) { h.work = append(h.work, i) })
	for i := range f.data {
		if d := &f.data[i]; !d.Held && (d.left > 0 || d.Stays) {
			f.Size += d.Amount
		}
	}
	return f
}

// done reports whether the goals are met.
func (f *fitting) done(policy Policy) bool {
	return (policy.KeepUnder <= 0 || f.Size <= policy.KeepUnder) && (policy.Free <= 0 || f.Frees >= policy.Free)
}

// remove has an item go.
func (f *fitting) remove(id string) { f.count(id, -1) }

// put has it back.
func (f *fitting) put(id string) { f.count(id, 1) }

func (f *fitting) count(id string, by int) {
	h := f.held[id]
	if h == nil {
		return
	}
	// Each counts when the last of its items goes, or comes back.
	last := func(list []holding, indices []int, counts func(s *holding)) {
		for _, i := range indices {
			s := &list[i]
			if s.left += by; !s.Held && !s.Stays && (s.left == 0 && by < 0 || s.left == 1 && by > 0) {
				counts(s)
			}
		}
	}
	last(f.data, h.data, func(s *holding) {
		f.Size += int64(by) * s.Amount
		f.Frees -= int64(by) * s.Amount
	})
	last(f.work, h.work, func(s *holding) { f.Costs -= int64(by) * s.Amount })
}

// price is what an item is worth for each byte that it frees.
func (f *fitting) price(c *candidate) float64 {
	h := f.held[c.choice.ID]
	if h == nil {
		return math.MaxFloat64
	}
	bytes, worth := 0.0, 1.0 // at least a ms: then its age decides
	for _, i := range h.data {
		if s := &f.data[i]; !s.kept {
			bytes += float64(s.Amount) / float64(s.left)
		}
	}
	for _, i := range h.work {
		if s := &f.work[i]; !s.kept {
			worth += float64(s.Amount) / float64(s.left)
		}
	}
	if bytes == 0 {
		return math.MaxFloat64
	}
	return worth * c.weight / bytes
}
