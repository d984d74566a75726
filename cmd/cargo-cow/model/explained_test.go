package model

import (
	"strings"
	"testing"
)

// The search itself, on histories made by hand: what is right is explained, and what is
// wrong is not.
func TestExplanation(t *testing.T) {
	const a, b = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	at := func(q request, began, ended int64, r response) *event {
		r.Began, r.Ended = began, ended
		return &event{q: q, r: r}
	}
	died := func(q request, began, ended int64) *event {
		e := at(q, began, ended, response{})
		e.killed = true
		return e
	}
	snapshot := request{Op: opSnapshot}
	restore := request{Op: opRestore, Place: 1, Ref: a}
	remove := request{Op: opRemove, Ref: a}
	hold := request{Op: opHold, Ref: a}
	list := request{Op: opList}
	listed := func(ids ...string) response {
		r := response{Listed: map[string]string{}}
		for _, id := range ids {
			r.Listed[id] = ""
		}
		return r
	}
	layers := func(ids ...string) func(*state) []string {
		return func(s *state) []string {
			if len(s.layers) != len(ids) {
				return []string{"other layers"}
			}
			for _, id := range ids {
				if _, ok := s.layers[id]; !ok {
					return []string{"no layer " + id}
				}
			}
			return nil
		}
	}
	active := func(place, program int) func(*state) []string {
		return func(s *state) []string {
			if s.places[place].active.program != program {
				return []string{"another program"}
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		events [][]*event
		ends   func(*state) []string
		fresh  []string
		wrong  bool
	}{
		"restore, then removed": {
			events: [][]*event{{at(restore, 1, 5, response{Layer: a, Undo: true})}, {at(remove, 2, 6, response{Layer: a})}}, ends: layers(),
		},
		"removed before the restore began": {
			events: [][]*event{{at(restore, 3, 5, response{Layer: a, Undo: true})}, {at(remove, 1, 2, response{Layer: a})}}, ends: layers(), wrong: true,
		},
		"removed while it is leased": {
			events: [][]*event{{at(hold, 1, 2, response{}), at(request{Op: opDrop, Ref: a}, 8, 9, response{})}, {at(remove, 3, 6, response{Layer: a})}}, ends: layers(), wrong: true,
		},
		"in use while it is leased": {
			events: [][]*event{{at(hold, 1, 2, response{})}, {at(remove, 3, 6, response{Layer: a, Kind: inUse})}}, ends: layers(a),
		},
		"in use, and nobody uses it": {
			events: [][]*event{{at(remove, 3, 6, response{Layer: a, Kind: inUse})}}, ends: layers(a), wrong: true,
		},
		"not found, and it is there": {
			events: [][]*event{{at(restore, 3, 6, response{Kind: notFound})}}, ends: layers(a), wrong: true,
		},
		"another commit, and nobody switched": {
			events: [][]*event{{at(snapshot, 3, 6, response{Kind: moved})}}, ends: layers(a), wrong: true,
		},
		"another commit, and git switched": {
			events: [][]*event{{at(snapshot, 3, 6, response{Kind: moved})},
				at(request{Op: opSwitch, Place: snapshot.Place}, 1, 9, response{Middle: 8, Sealed: &response{Layer: b, Created: true, Began: 1, Ended: 2}}).parts()}, ends: layers(a, b),
		},
		"another commit, and git switched elsewhere": {
			events: [][]*event{{at(snapshot, 3, 6, response{Kind: moved})},
				at(request{Op: opSwitch, Place: snapshot.Place + 1}, 1, 9, response{Middle: 8}).parts()}, ends: layers(a), wrong: true,
		},
		"lost": {
			events: [][]*event{{at(list, 3, 6, listed(a))}}, ends: layers(), wrong: true,
		},
		"there, and nobody made it": {
			events: [][]*event{{at(list, 3, 6, listed(a))}}, ends: layers(a, b), wrong: true,
		},
		"sealed by one that died": {
			events: [][]*event{{died(snapshot, 3, 6)}}, ends: layers(a, b), fresh: []string{b},
		},
		"not sealed by one that died": {
			events: [][]*event{{died(snapshot, 3, 6)}}, ends: layers(a),
		},
		"removed, and sealed again by one that died": {
			events: [][]*event{{died(request{Op: opSnapshot, Place: 1}, 1, 9)}, {died(remove, 2, 5)}}, fresh: []string{a},
			ends: func(s *state) []string {
				if l, ok := s.layers[a]; !ok || l.content.program != 2 {
					return []string{"it is the old one"}
				}
				return nil
			},
		},
		"sealed before it was listed": {
			events: [][]*event{{at(snapshot, 1, 2, response{Layer: b, Created: true})}, {at(list, 3, 6, listed(a))}}, ends: layers(a, b), wrong: true,
		},
		"sealed while it was listed": {
			events: [][]*event{{at(snapshot, 1, 4, response{Layer: b, Created: true})}, {at(list, 3, 6, listed(a))}}, ends: layers(a, b),
		},
		"listed, and not again": {
			events: [][]*event{{at(snapshot, 1, 9, response{Layer: b, Created: true})}, {at(list, 2, 3, listed(a, b)), at(list, 4, 5, listed(a))}}, ends: layers(a, b), wrong: true,
		},
		"the build is there": {
			events: [][]*event{{at(request{Op: opBuild, Number: 9}, 1, 3, response{})}, {at(snapshot, 2, 4, response{Layer: b, Created: true})}}, ends: active(0, 9),
		},
		"the build is lost": {
			events: [][]*event{{at(request{Op: opBuild, Number: 9}, 1, 3, response{})}, {at(snapshot, 2, 4, response{Layer: b, Created: true})}}, ends: active(0, 1), wrong: true,
		},
		"a restore that died, done": {
			events: [][]*event{{died(restore, 1, 3)}}, ends: active(1, 5),
		},
		"a restore that died, not done": {
			events: [][]*event{{died(restore, 1, 3)}}, ends: active(1, 2),
		},
		"undo of nothing": {
			events: [][]*event{{at(request{Op: opUndo, Place: 1}, 1, 3, response{})}}, ends: layers(a), wrong: true,
		},
		"undo of a restore": {
			events: [][]*event{{at(restore, 1, 2, response{Layer: a, Undo: true}), at(request{Op: opUndo, Place: 1}, 3, 4, response{})}}, ends: active(1, 2),
		},
		"busy, and nobody builds": {
			events: [][]*event{{at(restore, 1, 3, response{Kind: busy})}}, ends: layers(a), wrong: true,
		},
		"pruned, and another one restores it later": {
			events: [][]*event{{at(request{Op: opPrune}, 1, 3, response{Used: []used{{ID: a}}, Fates: []fate{{a, ""}}})}, {at(restore, 4, 5, response{Layer: a, Undo: true})}}, ends: layers(), wrong: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := &explanation{ends: c.ends, events: c.events, fresh: c.fresh, present: map[string]bool{}, start: &state{
				layers: map[string]sealed{a: {content: node{there: true, program: 5}}},
				places: []place{{active: node{there: true, program: 1, changed: true}}, {active: node{there: true, program: 2, changed: true}}, {}},
				holds:  map[string]int{}, locked: map[string]bool{}, claims: map[int]int{}, at: make([]position, len(c.events)),
			}}
			_, err := x.explain()
			if (err != nil) != c.wrong {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What may have become of a tree, and what may not.
func TestTreeFollows(t *testing.T) {
	was := tree{
		"debug/three": {mode: 0o755, sum: "x", mtime: 1}, "debug/.fingerprint/three/dep-bin-three": {mode: 0o644, sum: "d", mtime: 1},
		"debug/liba.rlib": {mode: 0o644, sum: "a", mtime: 1},
	}
	w := written{Programs: []string{"debug/three"}, DepInfo: "debug/.fingerprint/three/dep-bin-three"}
	with := func(path string, f file) tree {
		n := tree{path: f}
		for p, f := range was {
			if p != path {
				n[p] = f
			}
		}
		return n
	}
	for name, c := range map[string]struct {
		is    tree
		r     relation
		wrong string
	}{
		"the same":                      {is: was},
		"another byte":                  {is: with("debug/liba.rlib", file{mode: 0o644, sum: "b", mtime: 1}), wrong: "other content"},
		"another byte, restored":        {is: with("debug/liba.rlib", file{mode: 0o644, sum: "b", mtime: 1}), r: relation{restored: true}, wrong: "other content"},
		"another time":                  {is: with("debug/liba.rlib", file{mode: 0o644, sum: "a", mtime: 2}), wrong: "time"},
		"the time of the restore":       {is: with("debug/liba.rlib", file{mode: 0o644, sum: "a", mtime: 2}), r: relation{restored: true, at: 2}},
		"another time, restored":        {is: with("debug/liba.rlib", file{mode: 0o644, sum: "a", mtime: 2}), r: relation{restored: true, at: 3}, wrong: "time"},
		"another mode":                  {is: with("debug/liba.rlib", file{mode: 0o600, sum: "a", mtime: 1}), r: relation{restored: true}, wrong: "mode"},
		"corrected":                     {is: with(w.DepInfo, file{mode: 0o644, sum: "e", mtime: 1}), r: relation{restored: true}},
		"corrected, and not restored":   {is: with(w.DepInfo, file{mode: 0o644, sum: "e", mtime: 1}), wrong: "other content"},
		"one more":                      {is: with("debug/more", file{mode: 0o644}), r: relation{restored: true}, wrong: "should not be"},
		"one more, which nobody has":    {is: with("debug/more", file{mode: 0o644}), r: relation{extended: true}, wrong: "should not be"},
		"one of a package that differs": {is: with("debug/libfour.rlib", file{mode: 0o644}), r: relation{lacks: []string{"four"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.r.written = w
			found := strings.Join(c.is.follows(was, c.r, nil), "; ")
			if (c.wrong == "") != (found == "") || !strings.Contains(found, c.wrong) {
				t.Errorf("got %q, want %q", found, c.wrong)
			}
		})
	}
}
