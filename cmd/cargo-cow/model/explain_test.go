package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// An event is an operation with what became of it.
type event struct {
	q      request
	r      response
	proc   int
	killed bool
	died   bool // it, or its process just after it
	// failed: it told of the fault of its round, so it may have done any part of its work.
	failed bool

	of    *event   // the switch that it is a part of
	after []*event // those that had ended when it began
	index int      // among those of its process
}

func (e *event) uncertain() bool { return e.killed || e.failed }

func (e *event) String() string {
	text := fmt.Sprintf("process %d, %s to %s: %v", e.proc, clock(e.r.Began), clock(e.r.Ended), e.q)
	switch {
	case e.killed:
		text += " => killed"
	default:
		text += " => " + e.r.String()
	}
	return text
}

func clock(ns int64) string { return fmt.Sprintf("%.4f", float64(ns%1e12)/1e9) }

// parts is an event as one or two: a switch seals, lets git work, and restores.
func (e *event) parts() []*event {
	if e.q.Op != opSwitch {
		return []*event{e}
	}
	first, second := *e, *e
	first.of, second.of = e, e
	first.q.Op, first.q.Ref, first.q.Label = opSnapshot, "", ""
	second.q.Op, second.q.Ref = opFollow, ""
	if e.killed {
		return []*event{&first, &second}
	}
	switch {
	case e.r.Sealed != nil:
		first.r = *e.r.Sealed
	case e.r.Middle != 0:
		first.r = response{Began: e.r.Began, Ended: e.r.Middle, Kind: noTarget}
	case e.r.Kind == gitBusy: // with another switch in the same checkout
		first.r = response{Began: e.r.Began, Ended: e.r.Ended, Kind: noTarget}
	}
	first.failed = e.failed && first.r.Kind != noTarget && first.r.Kind != ""
	if e.r.Middle == 0 {
		return []*event{&first}
	}
	second.r.Began = e.r.Middle
	return []*event{&first, &second}
}

// opFollow is the second part of a switch.
const opFollow = "follow"

// An explanation is looked for: an order of steps that begins with a state, gives the
// answers that were given, and ends in what was found.
type explanation struct {
	start   *state
	events  [][]*event // by process
	all     []*event
	written written
	// fresh are layers that are named, or there in the end, and nobody has told to have
	// made: those of commands that died.
	fresh []string
	// known are the layers that were there in the beginning.
	known map[string]bool
	// present are the layers that are there in the end.
	present map[string]bool
	// skewed: clocks differ, so that nobody knows which of two layers is the newer one.
	skewed bool
	// ends tells in what a state is not what was found.
	ends func(*state) []string

	visited  map[string]bool
	steps    int
	furthest int
	stuck    *state
	misses   []string // of the ends that were reached
}

// maxSteps bounds a search. A round of eight operations takes some hundred steps, and one
// with several that died some thousand.
const maxSteps = 300_000

// explain returns the state at the end of an order that explains everything, or why there
// is none.
func (x *explanation) explain() (*state, error) {
	x.visited = map[string]bool{}
	x.order()
	s := x.start.clone()
	s.at = make([]position, len(x.events))
	for i := range x.start.at {
		s.at[i].own = slices.Clone(x.start.at[i].own)
	}
	if end := x.search(s); end != nil {
		return end, nil
	}
	var b strings.Builder
	b.WriteString("no order of the operations explains what they answered and what is there")
	if x.steps >= maxSteps {
		b.WriteString(" (the search was ended)")
	}
	for _, m := range x.misses {
		b.WriteString("\n  an order was found, but in the end: " + m)
	}
	if len(x.misses) == 0 && x.stuck != nil {
		b.WriteString("\n  at most so far:\n" + x.stuck.describe())
		for p, at := range x.stuck.at {
			if at.index < len(x.events[p]) {
				fmt.Fprintf(&b, "  step %d of what cannot be: %v\n", at.step, x.events[p][at.index])
			}
		}
	}
	return nil, fmt.Errorf("%s", b.String())
}

// order finds which events had ended when another began.
func (x *explanation) order() {
	for p := range x.events {
		for i, e := range x.events[p] {
			e.proc, e.index = p, i
			x.all = append(x.all, e)
		}
	}
	slices.SortStableFunc(x.all, func(a, b *event) int { return cmp.Compare(a.r.Began, b.r.Began) })
	for _, e := range x.all {
		for _, o := range x.all {
			if o.proc != e.proc && o.r.Ended < e.r.Began {
				e.after = append(e.after, o)
			}
		}
	}
}

func (x *explanation) search(s *state) *state {
	key := s.key()
	if x.visited[key] || x.steps >= maxSteps {
		return nil
	}
	x.visited[key] = true
	x.steps++
	done, left := 0, false
	for p, at := range s.at {
		done += at.index
		left = left || at.index < len(x.events[p])
	}
	if !left {
		why := x.ends(s)
		if why == nil {
			return s
		}
		x.miss(strings.Join(why, "; "))
		return nil
	}
	if done >= x.furthest {
		x.furthest, x.stuck = done, s
	}
	for p, at := range s.at {
		if at.index == len(x.events[p]) {
			continue
		}
		e := x.events[p][at.index]
		if at.step == 0 && slices.ContainsFunc(e.after, func(o *event) bool { return s.at[o.proc].index <= o.index }) {
			continue
		}
		for _, n := range x.step(e, s) {
			if end := x.search(n); end != nil {
				return end
			}
		}
	}
	return nil
}

// miss notes an end that was reached and is none: the last few say most.
func (x *explanation) miss(why string) {
	const most = 5
	if !slices.Contains(x.misses, why) {
		x.misses = append(x.misses, why)
		x.misses = x.misses[max(0, len(x.misses)-most):]
	}
}

// overlaps reports whether another operation of these, or of any, was under way together
// with one.
func (x *explanation) overlaps(e *event, is func(o *event) bool) bool {
	return slices.ContainsFunc(x.all, func(o *event) bool {
		return o.proc != e.proc && o.r.Began <= e.r.Ended && e.r.Began <= o.r.Ended && is(o)
	})
}

// isMoved reports whether an event was given up because another commit was checked out, and
// somebody did that in the same place: at that time, or before, where git may have gone on
// after its parent was killed.
func (x *explanation) isMoved(e *event) bool {
	return e.r.Kind == moved && slices.ContainsFunc(x.all, func(o *event) bool {
		sw := o.of
		return sw != nil && o.proc != e.proc && sw.q.Place == e.q.Place && sw.r.Began <= e.r.Ended && (sw.killed || e.r.Began <= sw.r.Ended)
	})
}

func anything(*event) bool { return true }

func isRemoval(e *event) bool { return e.q.Op == opRemove || e.q.Op == opPrune }

// names reports whether ref may name a layer. Of several with one label it is the newest.
func (x *explanation) names(s *state, ref, id string) bool {
	l, ok := s.layers[id]
	if !ok {
		return false
	}
	newest := func(among func(sealed) bool) bool {
		for other, o := range s.layers {
			if other != id && among(o) && !x.skewed && o.began > l.ended+tolerance {
				return false
			}
		}
		return true
	}
	switch {
	case ref == "":
		return true
	case ref == "latest":
		return newest(func(sealed) bool { return true })
	case ref == l.label:
		return newest(func(o sealed) bool { return o.label == ref })
	}
	// A label goes before the beginning of an id, but none here reads like one.
	return len(ref) >= 4 && strings.HasPrefix(id, ref)
}

// tolerance is by how much the clock that layers are dated by may differ from the one that
// operations are timed by, and by how much a record that was made again is dated earlier.
const tolerance = 100e6

// named lists the layers that ref may name and that can be used.
func (x *explanation) named(s *state, ref string) []string {
	var ids []string
	for id := range s.layers {
		if x.names(s, ref, id) && !s.locked[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// vacant reports whether ref may be said to name nothing: it does not, or what it names
// is on its way out.
func (x *explanation) vacant(s *state, ref string) bool {
	found := false
	for id := range s.layers {
		if x.names(s, ref, id) {
			found = true
			if s.locked[id] {
				return true
			}
		}
	}
	return !found
}
