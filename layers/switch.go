package layers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
)

// SwitchOptions say how to follow a checkout.
type SwitchOptions struct {
	Strict bool // have every unit rebuilt that may name its origin
	NoWait bool // fail with ErrBusy instead of waiting for Cargo
	Notify Notify
}

// SwitchReport says what became of the build directory.
type SwitchReport struct {
	// Restored is nil where the build directory was kept.
	Restored *RestoreReport
	Why      string // it was kept
}

// Switch makes the build directory fit what was checked out in the place just
// now: it restores the best layer if that leaves less to be compiled than the
// build directory does as it is, and otherwise leaves that alone. What it
// replaces can be brought back with Undo. A build directory that is the same as
// a layer is never kept where Cargo would miss a difference
// (docs/design/0009-switch.md).
func (s *Store) Switch(ctx context.Context, p *Place, o SwitchOptions) (*SwitchReport, error) {
	t := newTarget(p)
	release, err := s.claim(ctx, t, o.Notify)
	if err != nil {
		return nil, err
	}
	defer release()
	was, err := s.look(t)
	if err != nil {
		return nil, err
	}
	t0, err := s.instant(ctx, t)
	if err != nil {
		return nil, err
	}
	w := &weighing{store: s, place: p, target: t, states: map[*choice]*buildState{}}
	defer w.release()
	if was != absent {
		if err := w.look(ctx, o.Strict); err != nil {
			return nil, err
		}
		if w.settled() {
			return &SwitchReport{Why: "nothing in it is to be compiled"}, nil
		}
	}
	ro := RestoreOptions{Strict: o.Strict, NoWait: o.NoWait, Notify: o.Notify}
	c, err := s.choose(ctx, p, ro)
	switch {
	case err == nil:
		defer c.drop()
	case !errors.Is(err, ErrNoLayer):
		return nil, err
	}
	if was != absent {
		if c, err = w.choose(ctx, c); err != nil {
			return nil, err
		}
	}
	if c == nil {
		return &SwitchReport{Why: "no layer leaves less to be compiled"}, nil
	}
	if err := pointVerified.Hit(); err != nil {
		return nil, err
	}
	r, err := s.replace(ctx, p, t, c, t0, ro)
	return &SwitchReport{Restored: r}, err
}

// A weighing compares what build states spare the next build of a place.
type weighing struct {
	store  *Store
	place  *Place
	target target
	here   *cargo.Standing
	// same is the layer that the build directory is the same as, nil for none.
	same *choice
	// needed are the units that builds of the place need; nil while nobody has
	// asked cargo, or cargo did not say.
	needed map[string]bool
	index  *index // with needed
	states map[*choice]*buildState
}

// look finds out what the build directory is worth, and which layer it is.
func (w *weighing) look(ctx context.Context, strict bool) error {
	active := readActive(w.target.path)
	m, sealed := previous(w.target.path)
	view := w.place.view(ctx)
	var err error
	if w.here, err = cargo.Stand(ctx, view, m, sealed, active.Restored, readRecall(w.target.path)); err != nil {
		return fmt.Errorf("look at %s: %w", w.target.path, explainUnreadable(w.target, err))
	}
	if w.here.Since || !isID(active.Layer) {
		return nil
	}
	// It may be removed by now, or never have come to be.
	if !there(w.store.tree(active.Layer)) {
		return nil
	}
	if r, err := w.store.record(active.Layer); err == nil {
		w.same, _ = w.store.compare(ctx, *r, cargo.NewReader(view, w.place.Settings), strict)
	}
	return ctx.Err()
}

func (w *weighing) release() {
	if w.same != nil {
		_ = w.same.release()
	}
}

// settled reports whether the build directory is the same as a layer that was made
// for the place's dependency set, and nothing in it is to be compiled, by Cargo's
// account and by ours. Then there is no need to look for another one.
func (w *weighing) settled() bool {
	if w.same == nil || w.same.record.Fingerprint != w.place.Fingerprint.ID || len(w.same.plan.Rebuild()) > 0 || w.same.plan.DiffersInside() {
		return false
	}
	keep := w.state(nil)
	for key := range w.state(w.same).fresh {
		if _, fresh := keep.fresh[key]; !fresh {
			return false
		}
	}
	return true
}

// choose returns the layer to restore, best or the one that the build directory
// is the same as; nil where the build directory does as well.
func (w *weighing) choose(ctx context.Context, best *choice) (*choice, error) {
	keep := w.state(nil)
	if best != nil && best.needed != nil {
		if err := w.know(ctx, best.needed); err != nil {
			return nil, err
		}
	}
	top, others := keep, []*choice{best, w.same}
	if w.same != nil && w.missed(keep) {
		top, others = w.state(w.same), others[:1]
	}
	for _, c := range others {
		if c == nil {
			continue
		}
		more, err := w.sparesMore(ctx, w.state(c), top)
		if err != nil {
			return nil, err
		}
		if more {
			top = w.state(c)
		}
	}
	return top.choice, nil
}

// missed reports whether the place differs, or may differ, from what the build
// directory was built from in something that Cargo does not look at: only a
// restore has that rebuilt.
func (w *weighing) missed(keep *buildState) bool {
	if w.here.Buried && w.same.record.Fingerprint != w.place.Fingerprint.ID {
		return true // of what comes back to life nothing is known
	}
	if w.same.plan.DiffersInside() {
		return true // what is fresh inside is not looked at
	}
	return slices.ContainsFunc(w.same.plan.Differing(), func(key string) bool {
		_, fresh := keep.fresh[key]
		return fresh
	})
}

// buildState is a layer, or the build directory as it is, by what it would leave
// fresh in the place.
type buildState struct {
	choice *choice // nil: the build directory
	fresh  map[string]cargo.Entry
}

func (w *weighing) state(c *choice) *buildState {
	if b := w.states[c]; b != nil {
		return b
	}
	fresh := w.here.Fresh
	if c != nil {
		fresh = c.plan.Fresh(readRecall(w.store.tree(c.record.ID)))
	}
	b := &buildState{c, make(map[string]cargo.Entry, len(fresh))}
	for _, e := range fresh {
		b.fresh[e.Key] = e
	}
	if c != nil && c.needed != nil {
		for key := range c.needed {
			if h := w.index.units[key]; h != nil && h.portable {
				if _, has := b.fresh[key]; !has {
					b.fresh[key] = cargo.Entry{Key: key, Cost: h.cost} // would be grafted
				}
			}
		}
	}
	w.states[c] = b
	return b
}

// sparesMore reports whether a spares the next build more work than b does. Where
// each has something that the other lacks, cargo is asked what is needed at all.
func (w *weighing) sparesMore(ctx context.Context, a, b *buildState) (bool, error) {
	gain, loss := w.less(a, b), w.less(b, a)
	switch {
	case gain == 0 || loss == 0:
		return gain > 0, nil
	case w.needed != nil:
		return gain > loss, nil
	case w.replaces(a, b):
		return true, nil
	case w.replaces(b, a):
		return false, nil
	}
	if err := w.ask(ctx); err != nil {
		return false, err
	}
	a, b = w.state(a.choice), w.state(b.choice)
	return w.less(a, b) > w.less(b, a), nil
}

// less is what building took, in ms, of all that is needed and fresh in a, but
// not in b.
func (w *weighing) less(a, b *buildState) int64 {
	sum := int64(0)
	for key, e := range a.fresh {
		if _, both := b.fresh[key]; !both && (w.needed == nil || w.needed[key]) {
			sum += max(e.Cost, 1)
		}
	}
	return sum
}

// replaces reports whether a is a layer that was made for the place's dependency
// set, and equal to the place in all, and whatever else is fresh in b is the same
// thing for other dependencies. Then cargo need not be asked.
func (w *weighing) replaces(a, b *buildState) bool {
	if a.choice == nil || a.choice.record.Fingerprint != w.place.Fingerprint.ID || len(a.choice.plan.Rebuild()) > 0 {
		return false
	}
	names := map[cargo.UnitName]bool{}
	for _, e := range a.fresh {
		names[unnumbered(e.UnitName)] = true
	}
	for key, e := range b.fresh {
		if _, both := a.fresh[key]; !both && !names[unnumbered(e.UnitName)] {
			return false
		}
	}
	return true
}

func unnumbered(n cargo.UnitName) cargo.UnitName {
	n.Unit = ""
	return n
}

// ask asks cargo which units builds of the place need, in the profiles that the
// build directory has.
func (w *weighing) ask(ctx context.Context) error {
	needed, err := w.store.needs(ctx, w.place, w.target, nil)
	if errors.Is(err, cargo.ErrPlanning) {
		return nil // then all that was built counts
	}
	if err != nil {
		return err
	}
	return w.know(ctx, needed)
}

// know takes note of what builds of the place need. The layer that the build
// directory is the same as gets what it lacks from others, if it is restored in a
// place with other dependencies.
func (w *weighing) know(ctx context.Context, needed map[string]bool) error {
	var err error
	if w.index, err = w.store.index(ctx); err != nil {
		return err
	}
	w.needed = needed
	if c := w.same; c != nil && c.needed == nil && !c.plan.MadeFor() {
		c.needed, c.held = needed, w.index.held(c.record.ID, needed)
		c.plan.Narrow(needed)
	}
	clear(w.states)
	return nil
}
