package layers

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/graft"
)

// join puts units of other layers into tmp, which was made true for the checkout from the
// layer that was chosen: units of registries, and the checkout's own alike. Each of those
// layers is made true for the checkout as well, in a copy beside, and gives the units that
// are fresh there, with all they depend on. Where a copy takes time, it gives only, and
// straight away, what is the same in any checkout.
func (w *work) join(ctx context.Context, tmp string, others []*choice, strict bool) (*GraftReport, error) {
	var done *GraftReport
	for _, o := range others {
		var given *GraftReport
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
			w.store.noteUse(o.record.ID)
			done = done.plus(given)
		}
	}
	return done, nil
}

func (w *work) joinOne(ctx context.Context, tmp string, o *choice) (given *GraftReport, err error) {
	beside, err := w.dir.Prepare(ctx, w.store.tree(o.record.ID))
	if err != nil {
		return nil, err
	}
	defer func() { err = w.dir.Abandon(ctx, beside, err) }()
	if _, err := o.plan.Apply(ctx, beside, w.t0); err != nil {
		return nil, err
	}
	source, err := graft.SourceOf(o.plan, beside, active.UnitCache(beside))
	if err != nil {
		return nil, err
	}
	g, err := graft.New(tmp, w.checkout.Workspace.CargoHome, active.UnitCache(tmp))
	if err != nil {
		return nil, err
	}
	given = &GraftReport{}
	if g.Take(source, slices.Sorted(maps.Keys(o.needed))) == 0 {
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

// plus is what two grafts did together; either may be nil.
func (g *GraftReport) plus(more *GraftReport) *GraftReport {
	if g == nil || more == nil {
		return cmp.Or(g, more)
	}
	from := slices.Clone(g.From)
	for _, id := range more.From {
		if !slices.Contains(from, id) {
			from = append(from, id)
		}
	}
	return &GraftReport{slices.Concat(g.Units, more.Units), from, more.Lacking}
}
