package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/space"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// A warehousePlan is what prune does about the warehouse.
type warehousePlan struct {
	*warehouse.Plan
	warehouse *warehouse.Warehouse
}

// planWarehouse plans for a warehouse from which the layers that are to go have gone, which
// frees so much.
func planWarehouse(ctx context.Context, st *layers.Store, plan prune.Plan, o pruneOptions, freed int64, now time.Time) (*warehousePlan, error) {
	var without []string
	for _, v := range plan.Victims {
		without = append(without, v.ID)
	}
	policy := warehouse.Policy{MaxAge: time.Duration(o.maxAge), MaxSize: int64(o.warehouseSize), Free: max(0, int64(o.free)-freed)}
	if o.minFree > 0 {
		free, err := space.Free(st.Dir())
		if err != nil {
			return nil, err
		}
		policy.Free = max(policy.Free, int64(o.minFree)-free)
	}
	w := warehouse.In(st.Dir())
	inventory, err := w.Inventory(ctx, without, true)
	if err != nil {
		return nil, err
	}
	return &warehousePlan{inventory.Plan(policy, now), w}, nil
}

func (p *warehousePlan) show(a *app, o pruneOptions, now time.Time) {
	p.table(a, "REMOVE", p.Victims, o, now)
	if a.term.Verbose() {
		p.table(a, "KEEP", p.Kept, o, now)
	}
	for i := range p.Victims {
		p.json(a, &p.Victims[i], true)
	}
	for i := range p.Kept {
		p.json(a, &p.Kept[i], false)
	}
	if p.Short > 0 {
		a.term.Warn("the warehouse cannot free as much as was asked for: %s are missing", phrase.Size(p.Short))
	}
}

func (p *warehousePlan) table(a *app, head string, list []warehouse.Choice, o pruneOptions, now time.Time) {
	tab := ui.NewTable(head, "CRATE", "LAST USE", "FREES", "WHY")
	shown := ui.Shown(len(list), a.term.Verbose())
	for i := range list[:shown] {
		c := &list[i]
		frees := ""
		if head == "REMOVE" {
			frees = p.upTo(c.Frees)
		}
		tab.Row(phrase.ID(c.Key), warehouse.Crate(c.Unit), phrase.Ago(c.Used, now), frees, o.whyRecord(c))
	}
	tab.More(len(list)-shown, "--verbose")
	a.term.Table(tab)
}

// upTo tells bytes that may be fewer.
func (p *warehousePlan) upTo(bytes int64) string {
	if p.Exact {
		return phrase.Size(bytes)
	}
	return "up to " + phrase.Size(bytes)
}

func (p *warehousePlan) json(a *app, c *warehouse.Choice, remove bool) {
	a.term.JSON("plan-record", struct {
		report.RecordJSON
		Frees  int64            `json:"frees"`
		Remove bool             `json:"remove"`
		Why    warehouse.Reason `json:"why"`
	}{report.NewRecordJSON(c.Entry), c.Frees, remove, c.Why})
}

// carryOut removes what is planned. The layers have gone before.
func (p *warehousePlan) carryOut(ctx context.Context, r *removal) error {
	s := warehouse.Swept{Records: len(p.Victims), Files: len(p.Files), Leftovers: len(p.Leftovers), Frees: p.Frees}
	var err error
	if !r.dryRun {
		s, err = p.warehouse.CarryOut(ctx, p.Plan)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.more = r.more || s.Records+s.Files+s.Leftovers > 0
	if err != nil {
		r.failed(fmt.Errorf("prune warehouse: %w", err))
	}
	r.term.JSON("prune-warehouse", struct {
		Records int   `json:"records"`
		Files   int   `json:"files"`
		Left    int   `json:"left"` // what killed writers had left
		Frees   int64 `json:"frees"`
		Exact   bool  `json:"exact"` // else it is the most
		Lacking int64 `json:"lacking,omitempty"`
		Kept    int   `json:"kept"`
		DryRun  bool  `json:"dry_run,omitempty"`
	}{s.Records, s.Files, s.Leftovers, s.Frees, p.Exact, p.Short, len(p.Kept) + len(p.Victims) - s.Records, r.dryRun})
	if p.Empty() {
		return nil
	}
	text := fmt.Sprintf("%s and %s of the warehouse, which frees %s", phrase.Count(s.Records, "record"), phrase.Count(s.Files, "file"), p.upTo(s.Frees))
	if s.Leftovers > 0 {
		text += fmt.Sprintf("; and %s left by killed writers", phrase.Count(s.Leftovers, "file"))
	}
	if r.dryRun {
		r.term.Status("Would", "remove %s", text)
	} else {
		r.term.Status("Removed", "%s", text)
	}
	return nil
}
