package layers

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/graft"
)

// join puts into tmp, made true for the checkout from the layer that was chosen, what
// other layers have: units of registries and the checkout's own alike. Each of these
// layers is made true for the checkout as well, in a copy beside, and gives the units
// that are fresh there, with all they depend on. Where copies take their time, it
// gives only what is the same in any checkout, as it is.
func (w *work) join(ctx context.Context, tmp string, others []*choice, strict bool) (*Grafted, error) {
	var done *Grafted
	for _, o := range others {
		var given *Grafted
		var err error
		if w.store.opts.Driver.Caps().ConstantTime {
			given, err = w.joinOne(ctx, tmp, o)
		} else if given, err = w.store.graft(ctx, w.checkout, tmp, wanted{o.needed, []string{o.record.ID}, strict}); err == nil {
			given.Lacking = 0
		}
		if err != nil {
			return nil, err
		}
		if len(given.Units) > 0 {
			w.store.used(o.record.ID)
			done = done.and(given)
		}
	}
	return done, nil
}

func (w *work) joinOne(ctx context.Context, tmp string, o *choice) (given *Grafted, err error) {
	beside, err := w.dir.Prepare(ctx, w.store.tree(o.record.ID))
	if err != nil {
		return nil, err
	}
	defer func() { err = w.dir.Abandon(ctx, beside, err) }()
	if _, err := o.plan.Apply(ctx, beside, w.t0); err != nil {
		return nil, err
	}
	source, err := graft.SourceOf(o.plan, beside, active.Recall(beside))
	if err != nil {
		return nil, err
	}
	g, err := graft.New(tmp, w.checkout.Workspace.CargoHome, active.Recall(tmp))
	if err != nil {
		return nil, err
	}
	given = &Grafted{}
	if g.Take(source, slices.SortedFunc(keysOf(o.needed), cmp.Compare[string])) == 0 {
		return given, nil
	}
	if err := applyGraft(ctx, g); err != nil {
		return nil, err
	}
	m, _ := active.Manifest(tmp)
	if m == nil {
		return nil, errors.New("join layers: no manifest in " + tmp)
	}
	graft.Join(m, o.plan, g)
	b, err := m.Encode()
	if err != nil {
		return nil, err
	}
	given.Units, given.From = g.Taken(), []string{o.record.ID}
	return given, active.WriteFile(tmp, active.ManifestFile, b)
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
