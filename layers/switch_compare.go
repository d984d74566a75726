package layers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/planner"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/index"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// A comparison is of what build states save the next build of a checkout: the build
// directory as it is, and layers. In this order
//
//   - assess: Cargo's own account of the build directory; and if it is still the same as
//     the layer that it was made from, that layer is compared with the checkout by
//     content, as a restore would,
//   - upToDate: where both say that nothing is to be compiled, that is the answer,
//   - pick: else the layer that Store.choose found, and the one that the build directory
//     is the same as, have to save more than the build directory does. Where Cargo would
//     miss a difference in the build directory (missedByCargo) that does not count, but
//     the layer that it is the same as.
type comparison struct {
	store    *Store
	checkout *Checkout
	dir      string
	current  *freshness.Assessment
	// same is the layer that the build directory is the same as, nil for none.
	same *choice
	// needed are the units that builds of the checkout need; nil while nobody has
	// asked cargo, or cargo did not say.
	needed map[string]bool
	index  *index.Index // with needed
	states map[*choice]*buildState
}

func newComparison(w *work) *comparison {
	return &comparison{store: w.store, checkout: w.checkout, dir: w.path(), states: map[*choice]*buildState{}}
}

// assess finds out what the build directory is worth, and which layer it is.
func (x *comparison) assess(ctx context.Context, strict bool) error {
	from := active.ReadProvenance(x.dir)
	m, sealed := active.Manifest(x.dir)
	view := x.checkout.View(ctx)
	var err error
	if x.current, err = freshness.Assess(ctx, view, m, sealed, from.Restored, active.UnitCache(x.dir)); err != nil {
		return fmt.Errorf("look at %s: %w", x.dir, foreign.Explain(x.dir, err))
	}
	if x.current.BuiltSince || !from.OfLayer() {
		return nil
	}
	// It may be removed by now, or never have come to be.
	if !rollback.Exists(x.store.tree(from.Layer)) {
		return nil
	}
	if r, err := x.store.record(from.Layer); err == nil {
		x.same, _ = x.store.compare(ctx, *r, cargo.NewReader(view, x.checkout.Settings), strict)
	}
	return ctx.Err()
}

func (x *comparison) release() {
	if x.same != nil {
		_ = x.same.release()
	}
}

// upToDate reports whether the build directory is the same as a layer that was made
// for the checkout's dependency set, and nothing in it is to be compiled, by Cargo's
// account and by ours. Then there is no need to look for another one.
func (x *comparison) upToDate() bool {
	if x.same == nil || x.same.record.Fingerprint != x.checkout.Fingerprint.ID || len(x.same.plan.Rebuild()) > 0 || x.same.plan.DiffersInside() {
		return false
	}
	keep := x.state(nil)
	for key := range x.state(x.same).fresh {
		if _, fresh := keep.fresh[key]; !fresh {
			return false
		}
	}
	return true
}

// pick returns the layer to restore, best or the one that the build directory
// is the same as; nil where the build directory does as well.
func (x *comparison) pick(ctx context.Context, best *choice) (*choice, error) {
	keep := x.state(nil)
	if best != nil && best.needed != nil {
		if err := x.setNeeded(ctx, best.needed); err != nil {
			return nil, err
		}
	}
	top, others := keep, []*choice{best, x.same}
	if x.same != nil && x.missedByCargo(keep) {
		top, others = x.state(x.same), others[:1]
	}
	for _, c := range others {
		if c == nil {
			continue
		}
		more, err := x.savesMore(ctx, x.state(c), top)
		if err != nil {
			return nil, err
		}
		if more {
			top = x.state(c)
		}
	}
	return top.choice, nil
}

// missedByCargo reports whether the checkout differs, or may differ, from what the build
// directory was built from in something that Cargo does not look at: only a
// restore has that rebuilt.
func (x *comparison) missedByCargo(keep *buildState) bool {
	if x.current.Revived && x.same.record.Fingerprint != x.checkout.Fingerprint.ID {
		return true // of what comes back to life nothing is known
	}
	if x.same.plan.DiffersInside() {
		return true // what is fresh inside is not looked at
	}
	return slices.ContainsFunc(x.same.plan.Differing(), func(key string) bool {
		_, fresh := keep.fresh[key]
		return fresh
	})
}

// buildState is a layer, or the build directory as it is, by what it would leave
// fresh in the checkout.
type buildState struct {
	choice *choice // nil: the build directory
	fresh  map[string]manifest.Entry
}

func (x *comparison) state(c *choice) *buildState {
	if b := x.states[c]; b != nil {
		return b
	}
	fresh := x.current.Fresh
	if c != nil {
		fresh = c.plan.Fresh(active.UnitCache(x.store.tree(c.record.ID)))
	}
	b := &buildState{c, make(map[string]manifest.Entry, len(fresh))}
	for _, e := range fresh {
		b.fresh[e.Key] = e
	}
	if c != nil && c.needed != nil {
		for key := range c.needed {
			if _, has := b.fresh[key]; !has && x.index.Portable(key) {
				b.fresh[key] = manifest.Entry{Key: key, Cost: x.index.Cost(key)} // would be grafted
			}
		}
	}
	x.states[c] = b
	return b
}

// savesMore reports whether a saves the next build more work than b does. Where
// each has something that the other lacks, cargo is asked what is needed at all.
func (x *comparison) savesMore(ctx context.Context, a, b *buildState) (bool, error) {
	gain, loss := x.onlyIn(a, b), x.onlyIn(b, a)
	switch {
	case gain == 0 || loss == 0:
		return gain > 0, nil
	case x.needed != nil:
		return gain > loss, nil
	case x.supersedes(a, b):
		return true, nil
	case x.supersedes(b, a):
		return false, nil
	}
	if err := x.askNeeded(ctx); err != nil {
		return false, err
	}
	a, b = x.state(a.choice), x.state(b.choice)
	return x.onlyIn(a, b) > x.onlyIn(b, a), nil
}

// onlyIn is what building took, in ms, of all that is needed and fresh in a, but
// not in b.
func (x *comparison) onlyIn(a, b *buildState) int64 {
	sum := int64(0)
	for key, e := range a.fresh {
		if _, both := b.fresh[key]; !both && (x.needed == nil || x.needed[key]) {
			sum += max(e.Cost, 1)
		}
	}
	return sum
}

// supersedes reports whether a is a layer that was made for the checkout's dependency
// set, and equal to the checkout in all, and whatever else is fresh in b is the same
// thing for other dependencies. Then cargo need not be asked.
func (x *comparison) supersedes(a, b *buildState) bool {
	if a.choice == nil || a.choice.record.Fingerprint != x.checkout.Fingerprint.ID || len(a.choice.plan.Rebuild()) > 0 {
		return false
	}
	names := map[builddir.UnitName]bool{}
	for _, e := range a.fresh {
		names[withoutID(e.UnitName)] = true
	}
	for key, e := range b.fresh {
		if _, both := a.fresh[key]; !both && !names[withoutID(e.UnitName)] {
			return false
		}
	}
	return true
}

func withoutID(n builddir.UnitName) builddir.UnitName {
	n.Unit = ""
	return n
}

// askNeeded asks cargo which units builds of the checkout need, in the profiles that the
// build directory has.
func (x *comparison) askNeeded(ctx context.Context) error {
	needed, err := x.store.needs(ctx, x.checkout, nil)
	if errors.Is(err, planner.ErrPlanning) {
		return nil // then all that was built counts
	}
	if err != nil {
		return err
	}
	return x.setNeeded(ctx, needed)
}

// setNeeded takes note of what builds of the checkout need. The layer that the build
// directory is the same as gets what it lacks from others, if it is restored in a
// checkout with other dependencies.
func (x *comparison) setNeeded(ctx context.Context, needed map[string]bool) error {
	var err error
	if x.index, err = x.store.index(ctx); err != nil {
		return err
	}
	x.needed = needed
	if c := x.same; c != nil && c.needed == nil && !c.plan.MadeFor() {
		c.needed, c.neededHeld = needed, x.index.CountHeld(c.record.ID, needed)
		c.plan.Narrow(needed)
	}
	clear(x.states)
	return nil
}
