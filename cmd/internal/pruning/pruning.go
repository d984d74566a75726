// Package pruning removes from a store, and beside it, what is not worth its space: it looks at what is there,
// has layers/prune choose, tells the plan, and carries it out, for the command and for the prune that nobody
// asks for. A Plan is for one goroutine; of any number of processes that prune at once each removes a part.
package pruning

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/cmd/internal/used"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/targets"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// Run does what the command says.
func Run(ctx context.Context, term *ui.Terminal, st *layers.Store, w Wish, o Options, now time.Time) error {
	if err := st.Writable(); !o.DryRun && layers.IsReadOnly(err) {
		return err
	}
	p, err := Make(ctx, st, w, now)
	if err != nil {
		return err
	}
	p.show(term, &o, now)
	if !o.DryRun { // before layers go, and with them what tells when their compilers were used
		if _, err := used.Fold(ctx, term, st, nil, now); err != nil {
			return err
		}
	}
	r := NewRemoval(term, st, o.DryRun, term.Detail)
	r.Soon = !o.Wait
	if _, err := p.CarryOut(ctx, r); err != nil {
		return err
	}
	r.Sweep(w.Tool.Environ)
	return r.End()
}

// CarryOut removes what is planned, and tells of it. That something could not be removed is
// told, and counted in r.
func (p *Plan) CarryOut(ctx context.Context, r *Removal) (warehouse.Swept, error) {
	kept, err := p.removeTrees(ctx, r)
	if err != nil {
		return warehouse.Swept{}, err
	}
	swept, err := p.removeRecords(ctx, r)
	if err != nil {
		return swept, err
	}
	p.tell(r, kept, swept)
	return swept, nil
}

// show prints the plan.
func (p *Plan) show(term *ui.Terminal, o *Options, now time.Time) {
	losses := p.losses()
	p.table(term, "REMOVE", p.Victims, losses, o, now)
	if term.Verbose() {
		p.table(term, "KEEP", p.Kept, losses, o, now)
	}
	for i := range p.Victims {
		p.json(term, &p.Victims[i], losses, true)
	}
	for i := range p.Kept {
		p.json(term, &p.Kept[i], losses, false)
	}
	p.showRecords(term, o, now)
	if p.Doubt != nil {
		term.Warn("no compiler is taken for removed: %v", p.Doubt)
	}
	if p.TooLarge > 0 {
		term.Warn("what must be kept takes %s too much", phrase.Size(p.TooLarge))
	}
	if p.Lacking > 0 {
		term.Warn("not as much can be freed as was asked for: %s are missing", phrase.Size(p.Lacking))
	}
}

func (p *Plan) table(term *ui.Terminal, head string, list []prune.Choice, losses map[string]holdings.Loss, o *Options, now time.Time) {
	tab := ui.NewTable(head, "CREATED", "LAST USE", "FREES", "COST", "WHY", "WHERE")
	tab.OmitEmpty()
	for i := range list {
		c := &list[i]
		if c.Kind == prune.Record {
			continue
		}
		name, where := string(c.Kind), c.ID
		if u := p.layers[c.ID]; u != nil {
			name, where = phrase.ID(c.ID), u.Origin
		}
		frees, cost := "", ""
		if l, ok := losses[c.ID]; ok {
			frees, cost = phrase.Size(l.Frees), phrase.Cost(l.Costs)
		}
		tab.Row(name, phrase.Ago(c.Created, now), phrase.Ago(c.Used(), now), frees, cost, o.why(c.Why, &c.Item), where)
	}
	term.Table(tab)
}

func (p *Plan) json(term *ui.Terminal, c *prune.Choice, losses map[string]holdings.Loss, remove bool) {
	l := losses[c.ID]
	switch u := p.layers[c.ID]; {
	case u != nil:
		term.JSON("plan", struct {
			*layers.LayerUse
			Frees  int64        `json:"frees"`
			Cost   int64        `json:"cost_ms"`
			Remove bool         `json:"remove"`
			Why    prune.Reason `json:"why"`
		}{u, l.Frees, l.Costs, remove, c.Why})
	case c.Kind != prune.Record:
		term.JSON("plan-tree", struct {
			Kind    prune.Kind   `json:"kind"`
			Path    string       `json:"path"`
			LastUse time.Time    `json:"last_use,omitzero"`
			Frees   int64        `json:"frees"`
			Remove  bool         `json:"remove"`
			Why     prune.Reason `json:"why"`
		}{c.Kind, c.ID, c.Used(), l.Frees, remove, c.Why})
	}
}

// removeTrees removes what undo would bring back, build directories, and then layers: the
// dearest last. What somebody has begun to use, or removed, since the plan was made is no
// failure. It returns how many layers stay.
func (p *Plan) removeTrees(ctx context.Context, r *Removal) (kept int, err error) {
	for _, c := range p.Kept {
		if c.Kind == prune.Layer {
			kept++
		}
	}
	for _, dir := range p.untidied {
		if r.dryRun {
			break
		}
		if err := p.store.Tidy(ctx, dir); ctx.Err() != nil {
			return kept, ctx.Err()
		} else if err != nil {
			r.Failed(err)
		}
	}
	for _, kind := range []prune.Kind{prune.Undo, prune.BuildDir, prune.Layer} {
		for _, c := range p.Victims {
			if c.Kind != kind {
				continue
			}
			err, name := p.remove(ctx, r, &c), c.ID
			if kind == prune.Layer {
				name = phrase.ID(c.ID)
			}
			switch {
			case ctx.Err() != nil:
				return kept, ctx.Err()
			case errors.Is(err, layers.ErrInUse) || errors.Is(err, layers.ErrBusy) || errors.Is(err, layers.ErrPinned):
				if kind == prune.Layer {
					kept++
				}
				r.term.Status("Kept", "%s: it is in use now", name)
			case err != nil && !errors.Is(err, layers.ErrNotFound):
				r.Failed(err)
			}
		}
	}
	return kept, nil
}

func (p *Plan) remove(ctx context.Context, r *Removal, c *prune.Choice) error {
	if u := p.layers[c.ID]; u != nil {
		return r.Remove(ctx, &u.Record)
	}
	t := p.trees[c.ID]
	return r.removeTree(ctx, c.Kind, t, func() bool {
		return !lastUse(t, time.Now()).After(c.LastUse) && (t.Undo || targets.Solely(t.Path))
	})
}

// tell says what has become of all.
func (p *Plan) tell(r *Removal, kept int, swept warehouse.Swept) {
	r.term.JSON("prune", struct {
		Removed int   `json:"removed"`
		Trees   int   `json:"trees"` // directories
		Kept    int   `json:"kept"`
		Failed  int   `json:"failed"`
		Frees   int64 `json:"frees"`   // what the plan frees, with the warehouse
		Cost    int64 `json:"cost_ms"` // of the units that it loses
		DryRun  bool  `json:"dry_run,omitempty"`
	}{r.removed, r.trees, kept, len(r.codes), p.Comes.Frees, p.Comes.Costs, r.dryRun})
	removed := phrase.Count(r.removed, "layer")
	switch {
	case r.trees > 0 && r.removed > 0:
		removed += " and " + directories(r.trees)
	case r.trees > 0:
		removed = directories(r.trees)
	case r.removed == 0:
		removed = "nothing"
	}
	if r.dryRun {
		r.term.Status("Would", "remove %s, keep %s", removed, phrase.Count(kept, "layer"))
	} else {
		r.term.Status("Removed", "%s, kept %s", removed, phrase.Count(kept, "layer"))
	}
	p.tellRecords(r, swept)
	if r.removed+r.trees+swept.Records+swept.Files == 0 {
		return
	}
	frees := phrase.Size(p.Comes.Frees)
	if !p.records.Exact {
		frees = "up to " + frees
	}
	if p.Comes.Costs > 0 {
		frees += "; to compile again what is lost would take " + phrase.Cost(p.Comes.Costs)
	}
	if r.dryRun {
		r.term.Status("Would", "free %s", frees)
	} else {
		r.term.Status("Freed", "%s", frees)
	}
}

func directories(n int) string {
	if n == 1 {
		return "1 directory"
	}
	return fmt.Sprintf("%d directories", n)
}
