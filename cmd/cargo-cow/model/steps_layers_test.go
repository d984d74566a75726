package model

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/prune"
)

// The steps of operations on layers; those on build directories are in steps_test.go.

func (x *explanation) extend(e *event, s *state) []*state {
	var list []*state
	if s.at[e.proc].step == 0 {
		choose := func(id string) {
			n, l := onward(e, s)
			n.hold(id, 1)
			l.layer, l.label = id, s.layers[id].label
			list = append(list, n)
		}
		_, is := s.layers[e.q.From]
		switch {
		case e.uncertain():
			list = append(list, finish(e, s))
			for _, id := range x.named(s, e.q.Ref) {
				choose(id)
			}
		case e.r.Kind == notFound:
			if x.vacant(s, e.q.Ref) || !is || s.locked[e.q.From] {
				list = append(list, finish(e, s))
			}
		case e.r.Kind == gone:
			if x.overlaps(e, isRemoval) || !is {
				list = append(list, finish(e, s))
			}
		case e.r.Kind == "":
			id := e.r.Layer
			if e.r.Created {
				id = e.r.Parent
			}
			if x.names(s, e.q.Ref, id) && !s.locked[id] {
				choose(id)
			}
		}
		return list
	}
	base := s.at[e.proc].local.layer
	publish := func(id string) {
		n := finish(e, s)
		n.hold(base, -1)
		if _, ok := s.layers[id]; !ok {
			content := s.layers[base].content
			content.extended, content.twin = true, ""
			n.add(id, sealed{s.at[e.proc].local.label, base, content, e.r.Began, e.r.Ended})
		}
		list = append(list, n)
	}
	nothing := finish(e, s)
	nothing.hold(base, -1)
	switch {
	case e.uncertain():
		list = append(list, nothing)
		for _, id := range x.fresh {
			publish(id)
		}
	case !e.r.Created && e.r.Units > 0: // it was there, and is as it was
		if l, ok := s.layers[e.r.Layer]; ok && l.label == e.r.Label {
			list = append(list, nothing)
		}
	case e.r.Label != s.at[e.proc].local.label:
	case e.r.Created && e.r.Units > 0:
		publish(e.r.Layer)
	case !e.r.Created && e.r.Units == 0:
		list = append(list, nothing)
	}
	return list
}

func (x *explanation) label(e *event, s *state) []*state {
	if s.at[e.proc].step == 0 {
		var list []*state
		choose := func(id string) {
			n, l := onward(e, s)
			l.layer = id
			list = append(list, n)
		}
		switch {
		case e.uncertain():
			list = append(list, finish(e, s))
			for _, id := range x.named(s, e.q.Ref) {
				choose(id)
			}
		case e.r.Kind == notFound:
			if x.vacant(s, e.q.Ref) {
				return []*state{finish(e, s)}
			}
			for id := range s.layers { // which may go before it is leased
				if x.names(s, e.q.Ref, id) {
					choose(id)
				}
			}
		case e.r.Kind == "" && x.names(s, e.q.Ref, e.r.Layer):
			if e.r.Changed != (s.layers[e.r.Layer].label != e.q.Label) || e.r.Label != e.q.Label {
				return nil
			}
			if !e.r.Changed {
				return []*state{finish(e, s)}
			}
			choose(e.r.Layer)
		}
		return list
	}
	id := s.at[e.proc].local.layer
	l, ok := s.layers[id]
	n := finish(e, s)
	usable := ok && !s.locked[id]
	if usable {
		l.label = e.q.Label
		n.layers[id] = l
		n.seen()
	}
	switch {
	case e.uncertain():
		return []*state{finish(e, s), n}
	case e.r.Kind == notFound && !usable:
		return []*state{finish(e, s)}
	case e.r.Kind == "" && usable:
		return []*state{n}
	}
	return nil
}

// take takes a layer out of use, if nobody uses it.
func take(e *event, s *state, id string) *state {
	if _, ok := s.layers[id]; !ok || s.holds[id] > 0 || s.locked[id] {
		return nil
	}
	n, l := onward(e, s)
	n.locked[id] = true
	l.layer = id
	return n
}

// drop ends the removal of a layer that was taken out of use: it is gone, or is as it was.
func drop(n *state, id string, removed bool) {
	delete(n.locked, id)
	if removed {
		n.remove(id)
	}
}

func (x *explanation) remove(e *event, s *state) []*state {
	var list []*state
	if s.at[e.proc].step == 0 {
		var ids []string
		switch {
		case e.uncertain():
			list = append(list, finish(e, s))
			for id := range s.layers {
				if x.names(s, e.q.Ref, id) {
					ids = append(ids, id)
				}
			}
			slices.Sort(ids)
		case e.r.Kind == notFound:
			// An id is looked for as it is, with no lease; and between that and the removal
			// another one may have been quicker.
			if x.vacant(s, e.q.Ref) || x.overlaps(e, isRemoval) {
				list = append(list, finish(e, s))
			}
		case e.r.Kind == inUse:
			// A lease may be as short as a look at the layer.
			if s.holds[e.r.Layer] > 0 || x.overlaps(e, anything) {
				list = append(list, finish(e, s))
			}
		case e.r.Kind == "" && x.names(s, e.q.Ref, e.r.Layer):
			ids = []string{e.r.Layer}
		}
		for _, id := range ids {
			n, l := onward(e, s)
			l.layer = id
			list = append(list, n)
		}
		return list
	}
	id := s.at[e.proc].local.layer
	if s.at[e.proc].step == 1 {
		if e.uncertain() {
			list = append(list, finish(e, s))
		}
		if n := take(e, s, id); n != nil {
			list = append(list, n)
		}
		return list
	}
	n := finish(e, s)
	drop(n, id, true)
	list = append(list, n)
	if e.uncertain() {
		n := finish(e, s)
		drop(n, id, false)
		list = append(list, n)
	}
	return list
}

func (x *explanation) prune(e *event, s *state) []*state {
	at := s.at[e.proc]
	if e.killed {
		return x.prunedByKilled(e, s)
	}
	if at.step == 0 {
		n, l := onward(e, s)
		l.window = newWindow(s)
		return []*state{n}
	}
	if at.step == 1 {
		if e.failed && len(e.r.Used) == 0 {
			return []*state{finish(e, s)}
		}
		if !x.saw(at.local.window, e.r) {
			return nil
		}
		n, l := onward(e, s)
		l.window = nil
		return []*state{n}
	}
	i := (at.step - 2) / 2
	if i >= len(e.r.Fates) {
		return []*state{finish(e, s)}
	}
	f := e.r.Fates[i]
	failed := f.Kind != "" && f.Kind != inUse && f.Kind != notFound // for the fault, and then it is the last
	skip := func() *state {
		n, _ := onward(e, s)
		n.at[e.proc].step = 2 + 2*(i+1)
		return n
	}
	if at.step%2 == 1 {
		n := skip()
		drop(n, f.ID, true)
		list := []*state{n}
		if failed {
			n := skip()
			drop(n, f.ID, false)
			list = append(list, n)
		}
		return list
	}
	var list []*state
	_, is := s.layers[f.ID]
	switch {
	case f.Kind == inUse:
		if s.holds[f.ID] > 0 || x.overlaps(e, anything) {
			list = append(list, skip())
		}
		return list
	case f.Kind == notFound:
		if !is || s.locked[f.ID] {
			list = append(list, skip())
		}
		return list
	case failed:
		list = append(list, skip())
	}
	if n := take(e, s, f.ID); n != nil {
		list = append(list, n)
	}
	return list
}

// prunedByKilled: nobody knows what it had chosen. It has removed some of what is not
// there in the end.
func (x *explanation) prunedByKilled(e *event, s *state) []*state {
	list := []*state{finish(e, s)}
	for id, l := range s.layers {
		if !x.present[id] && s.holds[id] == 0 && !s.locked[id] && (l.label == "" || e.q.Policy.Labelled) {
			n, _ := onward(e, s)
			n.remove(id)
			list = append(list, n)
		}
	}
	return list
}

// saw reports whether what a prune says of the layers is what was there, and whether it
// has chosen what it may.
func (x *explanation) saw(w *window, r response) bool {
	seen := map[string]string{}
	for _, u := range r.Used {
		seen[u.ID] = u.Label
	}
	return fits(w, seen)
}

// fits reports whether a list is one that may be seen in a window.
func fits(w *window, listed map[string]string) bool {
	for id := range w.must {
		if _, ok := listed[id]; !ok {
			return false
		}
	}
	for id, label := range listed {
		if !w.may[id] || !slices.Contains(w.labels[id], label) {
			return false
		}
	}
	return true
}

// mayGo says why a prune must not have chosen a layer; "" if it may. It is what docs/gc.md
// promises, whatever the plan was made by.
func mayGo(u used, r response, p prune.Policy) string {
	since := func(o used) int64 {
		return max(o.Created.UnixNano(), o.LastUse.UnixNano())
	}
	idle := r.Now.UnixNano() - since(u)
	later := 0
	for _, o := range r.Used {
		if o.ID != u.ID && since(o) > since(u) {
			later++
		}
	}
	switch {
	case u.Leased:
		return "somebody uses it"
	case u.Label != "" && !p.Labelled:
		return "it is labelled"
	case idle < int64(prune.Usual.Layer):
		return "it was used within the last hour"
	case later < p.KeepLast:
		return "it is among the last ones"
	case p.MaxAge.Layer > 0 && idle <= int64(p.MaxAge.Layer) && p.KeepUnder == 0:
		return "it was used since"
	}
	return ""
}

func (x *explanation) list(e *event, s *state) []*state {
	if e.uncertain() {
		return []*state{finish(e, s)}
	}
	if s.at[e.proc].step == 0 {
		n, l := onward(e, s)
		l.window = newWindow(s)
		return []*state{n}
	}
	if !fits(s.at[e.proc].local.window, e.r.Listed) {
		return nil
	}
	return []*state{finish(e, s)}
}

func (x *explanation) show(e *event, s *state) []*state {
	ok := false
	switch l := s.layers[e.r.Layer]; {
	case e.uncertain():
		ok = true
	case e.r.Kind == notFound:
		ok = x.vacant(s, e.q.Ref)
	case e.r.Kind == gone:
		ok = x.overlaps(e, isRemoval)
	case e.r.Kind == "":
		ok = x.names(s, e.q.Ref, e.r.Layer) && l.label == e.r.Label && l.parent == e.r.Parent && e.r.Units > 0
	}
	if !ok {
		return nil
	}
	return []*state{finish(e, s)}
}

func (x *explanation) hold(e *event, s *state) []*state {
	_, is := s.layers[e.q.Ref]
	is = is && !s.locked[e.q.Ref]
	n := finish(e, s)
	switch {
	case e.uncertain():
		return []*state{n}
	case e.r.Kind == notFound:
		if !is {
			return []*state{n}
		}
		return nil
	case e.r.Kind != "" || !is:
		return nil
	}
	if !e.died && !slices.Contains(n.at[e.proc].own, e.q.Ref) {
		n.at[e.proc].own = append(n.at[e.proc].own, e.q.Ref)
		n.hold(e.q.Ref, 1)
	}
	return []*state{n}
}
