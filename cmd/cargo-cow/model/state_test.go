package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A node is a build directory, or a layer, as the model knows it.
type node struct {
	there    bool
	ordinary bool   // no tree of the driver yet
	program  int    // which was built in it last
	layer    string // what it says it came from; unknown after a command that died
	pristine bool   // nothing was written since it was restored
	changed  bool   // something was built since it was sealed or restored
	// Its content is what has become of a tree that was read: base, by its name.
	base               string
	restored, extended bool
	built              bool
	// twin is the layer that it was sealed as, which has the same content to the last
	// time of a file.
	twin string
}

// unknown is a layer that a command has noted which died before it was sealed.
const unknown = "?"

func (n node) String() string {
	if !n.there {
		return "nothing"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "program %d", n.program)
	if n.layer != "" {
		b.WriteString(" of " + short(n.layer))
	}
	for word, is := range map[string]bool{" pristine": n.pristine, " changed": n.changed, " ordinary": n.ordinary} {
		if is {
			b.WriteString(word)
		}
	}
	return b.String()
}

// A place is a checkout.
type place struct{ active, undo node }

// A sealed is a layer.
type sealed struct {
	label, parent string
	content       node
	// When it was sealed, between two instants: of two with a label the newer one counts.
	began, ended int64
}

// A state is the model at one instant of an explanation.
type state struct {
	layers map[string]sealed
	places []place
	holds  map[string]int  // leases on layers
	locked map[string]bool // layers on their way out
	claims map[int]int     // by place: the process whose operation has it
	at     []position      // by process
}

// A position is how far a process has come.
type position struct {
	index int // of the operation
	step  int
	local local
	own   []string // layers that the process has leased until it drops them
}

// local is what an operation remembers from one step to the next.
type local struct {
	layer, label string
	was          bool // the layer that the build directory came from was there
	window       *window
}

// A window is what somebody may see who lists layers meanwhile.
type window struct {
	must, may map[string]bool
	labels    map[string][]string
}

func (s *state) clone() *state {
	c := &state{
		layers: maps.Clone(s.layers), places: slices.Clone(s.places), holds: maps.Clone(s.holds),
		locked: maps.Clone(s.locked), claims: maps.Clone(s.claims), at: slices.Clone(s.at),
	}
	for i := range c.at {
		c.at[i].own = slices.Clone(c.at[i].own)
		if w := c.at[i].local.window; w != nil {
			n := &window{must: maps.Clone(w.must), may: maps.Clone(w.may), labels: map[string][]string{}}
			for id, labels := range w.labels {
				n.labels[id] = slices.Clone(labels)
			}
			c.at[i].local.window = n
		}
	}
	return c
}

// key is the same for two states from which the same can follow.
func (s *state) key() string {
	var b strings.Builder
	type all node // with every field, and not as it is called in words
	for _, id := range slices.Sorted(maps.Keys(s.layers)) {
		l := s.layers[id]
		fmt.Fprintf(&b, "%s %q %q %+v;", id, l.label, l.parent, all(l.content))
	}
	for _, p := range s.places {
		fmt.Fprintf(&b, "%+v %+v;", all(p.active), all(p.undo))
	}
	fmt.Fprintf(&b, "%v %v %v;", s.holds, s.locked, s.claims)
	for _, p := range s.at {
		fmt.Fprintf(&b, "%d %d %s %q %v %v ", p.index, p.step, p.local.layer, p.local.label, p.local.was, p.own)
		if w := p.local.window; w != nil {
			fmt.Fprintf(&b, "%v %v %v ", w.must, w.may, w.labels)
		}
	}
	return b.String()
}

func newWindow(s *state) *window {
	w := &window{must: map[string]bool{}, may: map[string]bool{}, labels: map[string][]string{}}
	for id, l := range s.layers {
		w.must[id], w.may[id] = true, true
		w.labels[id] = []string{l.label}
	}
	return w
}

// seen notes a change for all who list.
func (s *state) seen() {
	for i := range s.at {
		w := s.at[i].local.window
		if w == nil {
			continue
		}
		for id := range w.must {
			if _, ok := s.layers[id]; !ok {
				delete(w.must, id)
			}
		}
		for id, l := range s.layers {
			w.may[id] = true
			if !slices.Contains(w.labels[id], l.label) {
				w.labels[id] = append(w.labels[id], l.label)
			}
		}
	}
}

func (s *state) add(id string, l sealed) {
	s.layers[id] = l
	s.seen()
}

func (s *state) remove(id string) {
	delete(s.layers, id)
	// One of the same name that is sealed later has the same units, but may have other times.
	for i := range s.places {
		for _, n := range []*node{&s.places[i].active, &s.places[i].undo} {
			if n.twin == id {
				n.twin = ""
			}
		}
	}
	s.seen()
}

func (s *state) hold(id string, n int) {
	if s.holds[id] += n; s.holds[id] == 0 {
		delete(s.holds, id)
	}
}

// describe is the state in words.
func (s *state) describe() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(s.layers)) {
		l := s.layers[id]
		fmt.Fprintf(&b, "  layer %s %q: program %d, parent %s\n", short(id), l.label, l.content.program, short(l.parent))
	}
	for i, p := range s.places {
		fmt.Fprintf(&b, "  place %d: %v; undo: %v\n", i, p.active, p.undo)
	}
	return b.String()
}
