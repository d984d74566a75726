package pruning

import (
	"context"
	"fmt"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/prune"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

func (p *Plan) showRecords(term *ui.Terminal, o *Options, now time.Time) {
	// What is kept for another reason than that nothing asks for it, prune has said of its item.
	why := map[string]prune.Reason{}
	for _, c := range p.Kept {
		why[c.ID] = c.Why
	}
	reason := func(c *warehouse.Choice, remove bool) prune.Reason {
		if w := why[c.Path]; !remove && w != "" && c.Why == warehouse.Unmatched {
			return w
		}
		return prune.Reason(c.Why)
	}
	table := func(head string, list []warehouse.Choice, remove bool) {
		tab := ui.NewTable(head, "CRATE", "LAST USE", "FREES", "WHY")
		shown := ui.Shown(len(list), term.Verbose())
		for i := range list[:shown] {
			c := &list[i]
			frees := ""
			if remove {
				frees = p.upTo(c.Frees)
			}
			tab.Row(phrase.ID(c.Key), warehouse.Crate(c.Unit), phrase.Ago(c.Used, now), frees, o.why(reason(c, remove), &prune.Item{Kind: prune.Record}))
		}
		tab.More(len(list)-shown, "--verbose")
		term.Table(tab)
		for i := range list {
			c := &list[i]
			term.JSON("plan-record", struct {
				report.RecordJSON
				Frees  int64        `json:"frees"`
				Remove bool         `json:"remove"`
				Why    prune.Reason `json:"why"`
			}{report.NewRecordJSON(c.Entry), c.Frees, remove, reason(c, remove)})
		}
	}
	table("REMOVE", p.records.Victims, true)
	if term.Verbose() || term.JSONMode() {
		table("KEEP", p.records.Kept, false)
	}
	if p.records.Short > 0 {
		term.Warn("the warehouse cannot free as much as was asked for: %s are missing", phrase.Size(p.records.Short))
	}
}

// upTo tells bytes that may be fewer.
func (p *Plan) upTo(bytes int64) string {
	if p.records.Exact {
		return phrase.Size(bytes)
	}
	return "up to " + phrase.Size(bytes)
}

// removeRecords removes what is planned for the warehouse. The layers have gone before.
func (p *Plan) removeRecords(ctx context.Context, r *Removal) (warehouse.Swept, error) {
	s := warehouse.Swept{Records: len(p.records.Victims), Files: len(p.records.Files), Leftovers: len(p.records.Leftovers), Frees: p.records.Frees}
	var err error
	if !r.dryRun {
		s, err = p.warehouse.CarryOut(ctx, p.records)
	}
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	r.more = r.more || s.Records+s.Files+s.Leftovers > 0
	if err != nil {
		r.Failed(fmt.Errorf("prune warehouse: %w", err))
	}
	return s, nil
}

func (p *Plan) tellRecords(r *Removal, s warehouse.Swept) {
	r.term.JSON("prune-warehouse", struct {
		Records int   `json:"records"`
		Files   int   `json:"files"`
		Left    int   `json:"left"` // what killed writers had left
		Frees   int64 `json:"frees"`
		Exact   bool  `json:"exact"` // else it is the most
		Lacking int64 `json:"lacking,omitempty"`
		Kept    int   `json:"kept"`
		DryRun  bool  `json:"dry_run,omitempty"`
	}{s.Records, s.Files, s.Leftovers, s.Frees, p.records.Exact, p.records.Short, len(p.records.Kept) + len(p.records.Victims) - s.Records, r.dryRun})
	if p.records.Empty() {
		return
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
}
