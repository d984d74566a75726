package model

import "slices"

// step returns the states that the next step of an event may lead to; none where the
// model cannot take it.
func (x *explanation) step(e *event, s *state) []*state {
	switch e.q.Op {
	case opSnapshot:
		return x.snapshot(e, s)
	case opRestore, opFollow:
		return x.restore(e, s)
	case opUndo:
		return x.undo(e, s)
	case opGraft:
		return x.graft(e, s)
	case opBuild:
		return x.build(e, s)
	case opClean, opRebuild:
		return x.alone(e, s)
	case opExtend:
		return x.extend(e, s)
	case opLabel:
		return x.label(e, s)
	case opRemove:
		return x.remove(e, s)
	case opPrune:
		return x.prune(e, s)
	case opList:
		return x.list(e, s)
	case opShow:
		return x.show(e, s)
	case opHold:
		return x.hold(e, s)
	case opDrop:
		n := finish(e, s)
		if i := slices.Index(n.at[e.proc].own, e.q.Ref); i >= 0 {
			n.at[e.proc].own = slices.Delete(n.at[e.proc].own, i, i+1)
			n.hold(e.q.Ref, -1)
		}
		return []*state{n}
	}
	return []*state{finish(e, s)}
}

// finish ends an event as it is.
func finish(e *event, s *state) *state {
	n := s.clone()
	at := &n.at[e.proc]
	if e.died {
		for _, id := range at.own {
			n.hold(id, -1)
		}
		at.own = nil
	}
	at.index++
	at.step, at.local = 0, local{}
	if p, ok := n.claims[e.q.Place]; ok && p == e.proc {
		delete(n.claims, e.q.Place)
	}
	return n
}

// onward takes an event one step on.
func onward(e *event, s *state) (*state, *local) {
	n := s.clone()
	n.at[e.proc].step++
	return n, &n.at[e.proc].local
}

// claimed reports whether another operation has the build directory.
func claimed(e *event, s *state) bool {
	p, ok := s.claims[e.q.Place]
	return ok && p != e.proc
}

// isSealed reports whether nothing was built in a build directory since it was sealed, or
// restored, as a layer that is there and that may go by the label.
func isSealed(s *state, a node, label string) bool {
	l, ok := s.layers[a.layer]
	return ok && !a.changed && (label == "" || label == l.label)
}

func (x *explanation) snapshot(e *event, s *state) []*state {
	if claimed(e, s) {
		return nil
	}
	a := s.places[e.q.Place].active
	as := func(id string) *state {
		n := finish(e, s)
		b := &n.places[e.q.Place].active
		b.layer, b.changed, b.ordinary, b.twin = id, false, false, ""
		return n
	}
	seal := func(id, label, parent string) *state {
		n := as(id)
		n.places[e.q.Place].active.twin = id
		content := a
		content.layer, content.twin, content.pristine, content.changed, content.ordinary = "", "", false, false, false
		n.add(id, sealed{label, parent, content, e.r.Began, e.r.Ended})
		return n
	}
	parent := ""
	if _, ok := s.layers[a.layer]; ok {
		parent = a.layer
	}
	switch {
	case e.uncertain():
		list := []*state{finish(e, s)}
		if a.there {
			list = append(list, as(unknown))
			for _, id := range x.fresh {
				if _, ok := s.layers[id]; !ok {
					list = append(list, seal(id, e.q.Label, parent))
					if parent != "" && x.overlaps(e, isRemoval) { // it had gone when this one looked
						list = append(list, seal(id, e.q.Label, ""))
					}
				} else if !x.known[id] {
					list = append(list, as(id)) // sealed by another one, which died too
				}
			}
		}
		return list
	case e.r.Kind == noTarget:
		if !a.there {
			return []*state{finish(e, s)}
		}
	case x.isMoved(e):
		return []*state{finish(e, s)}
	case e.r.Kind == busy: // an ordinary directory has to be exchanged with a tree
		if x.built(e) {
			return []*state{finish(e, s)}
		}
	case e.r.Kind != "" || !a.there:
	case e.r.Created:
		_, twice := s.layers[e.r.Layer]
		if twice || isSealed(s, a, e.q.Label) && !a.extended || e.r.Label != e.q.Label {
			return nil
		}
		// What goes away while this one looks may count or not.
		if e.r.Parent == parent || e.r.Parent == "" && x.overlaps(e, isRemoval) || e.r.Parent == a.layer && x.overlaps(e, isRemoval) {
			return []*state{seal(e.r.Layer, e.q.Label, e.r.Parent)}
		}
	default:
		l, ok := s.layers[e.r.Layer]
		if ok && e.r.Layer == a.layer && isSealed(s, a, e.q.Label) {
			n := finish(e, s)
			return []*state{n}
		}
		// The same state, sealed by somebody else at this time.
		if ok && l.content.program == a.program && !isSealed(s, a, e.q.Label) {
			return []*state{as(e.r.Layer)}
		}
	}
	return nil
}

func (x *explanation) restore(e *event, s *state) []*state {
	if claimed(e, s) {
		return nil
	}
	if s.at[e.proc].step > 0 {
		return x.install(e, s)
	}
	var list []*state
	choose := func(id string) {
		n, l := onward(e, s)
		n.hold(id, 1)
		n.claims[e.q.Place] = e.proc
		l.layer = id
		_, l.was = s.layers[s.places[e.q.Place].active.layer]
		list = append(list, n)
	}
	switch {
	case e.uncertain():
		list = append(list, finish(e, s))
		for _, id := range x.named(s, e.q.Ref) {
			choose(id)
		}
	case x.isMoved(e), e.q.Op == opFollow && e.r.Kind == "" && !e.r.Restored:
		list = append(list, finish(e, s))
	case e.r.Kind == "":
		if x.names(s, e.q.Ref, e.r.Layer) && !s.locked[e.r.Layer] {
			choose(e.r.Layer)
		}
	case e.r.Kind == notFound, e.r.Kind == noLayer:
		if x.vacant(s, e.q.Ref) || e.q.Ref == "" && len(x.named(s, "")) == 0 {
			list = append(list, finish(e, s))
		}
	case e.r.Kind == busy:
		if x.built(e) {
			list = append(list, finish(e, s))
		}
	case e.r.Kind == gone:
		if x.overlaps(e, isRemoval) {
			list = append(list, finish(e, s))
		}
	}
	return list
}

// built reports whether somebody built in the same place at that time.
func (x *explanation) built(e *event) bool {
	return x.overlaps(e, func(o *event) bool { return o.q.Op == opBuild && o.q.Place == e.q.Place })
}

// install is the second step of a restore.
func (x *explanation) install(e *event, s *state) []*state {
	id := s.at[e.proc].local.layer
	was := s.places[e.q.Place].active
	l := s.layers[id]
	var list []*state
	install := func(keepUndo bool) {
		n := finish(e, s)
		n.hold(id, -1)
		p := &n.places[e.q.Place]
		if was.there && !keepUndo {
			p.undo = was
		}
		p.active = l.content
		p.active.layer, p.active.pristine, p.active.restored, p.active.there = id, true, true, true
		// The best layer may get what it lacks from others.
		p.active.extended = p.active.extended || e.q.Ref == "" && (e.killed || e.r.Units > 0)
		list = append(list, n)
	}
	if e.r.Kind == "" && !e.killed && e.r.Undo != was.there {
		return nil
	}
	// What is no more than a copy of a layer is not worth what undo would bring back else.
	_, is := s.layers[was.layer]
	switch copied := was.pristine && s.places[e.q.Place].undo.there; {
	case copied && is:
		install(true)
	case copied && s.at[e.proc].local.was: // the layer has gone since this one looked
		install(true)
		install(false)
	default:
		install(false)
	}
	if e.uncertain() {
		n := finish(e, s)
		n.hold(id, -1)
		list = append(list, n)
	}
	return list
}

func (x *explanation) undo(e *event, s *state) []*state {
	if claimed(e, s) {
		return nil
	}
	n := finish(e, s)
	p := &n.places[e.q.Place]
	switch {
	case e.r.Kind == noUndo:
		if !p.undo.there {
			return []*state{n}
		}
		return nil
	case e.r.Kind == busy:
		if x.built(e) {
			return []*state{n}
		}
		return nil
	case e.r.Kind != "" && !e.uncertain():
		return nil
	case !p.undo.there:
		if e.uncertain() {
			return []*state{n}
		}
		return nil
	}
	p.active, p.undo = p.undo, p.active
	if e.uncertain() {
		return []*state{finish(e, s), n}
	}
	return []*state{n}
}

func (x *explanation) graft(e *event, s *state) []*state {
	if claimed(e, s) {
		return nil
	}
	a := s.places[e.q.Place].active
	same, more := finish(e, s), finish(e, s)
	p := &more.places[e.q.Place]
	p.undo = a
	p.active.extended, p.active.pristine, p.active.changed, p.active.twin = true, false, true, ""
	switch {
	case e.uncertain():
		if a.there {
			return []*state{same, more}
		}
		return []*state{same}
	case e.r.Kind == noTarget:
		if !a.there || a.ordinary {
			return []*state{same}
		}
	case e.r.Kind == busy:
		if x.built(e) {
			return []*state{same}
		}
	case e.r.Kind == "" && a.there && e.r.Units > 0:
		return []*state{more}
	case e.r.Kind == "" && a.there:
		return []*state{same}
	}
	return nil
}

func (x *explanation) build(e *event, s *state) []*state {
	n := finish(e, s)
	a := &n.places[e.q.Place].active
	if e.r.Kind == noTarget {
		if a.there {
			return nil
		}
		return []*state{n}
	}
	if e.r.Kind != "" || !a.there {
		return nil
	}
	a.program, a.built, a.changed, a.pristine, a.twin = e.q.Number, true, true, false, ""
	return []*state{n}
}

// alone is what a user does where nobody else is at work.
func (x *explanation) alone(e *event, s *state) []*state {
	if claimed(e, s) {
		return nil
	}
	n := finish(e, s)
	a := &n.places[e.q.Place].active
	switch {
	case e.q.Op == opClean:
		*a = node{}
	case !a.there:
		*a = node{there: true, ordinary: true, program: e.q.Number, changed: true, base: e.r.Text, built: true}
	}
	return []*state{n}
}
