package du

import (
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
)

// holding is a tree that takes room, in JSON.
type holding struct {
	Kind  holdings.Kind `json:"kind"`
	Layer string        `json:"layer,omitempty"`
	Label string        `json:"label,omitempty"`
	Path  string        `json:"path"`
	Total int64         `json:"total"`
	Frees int64         `json:"frees"`
	Small int64         `json:"small"`
	Files int           `json:"files"`
	Cost  int64         `json:"cost_ms"`
}

// newHolding is h, with the layer that it is, nil for none, and what removing it
// costs.
func newHolding(h *holdings.Holding, layer *layers.LayerUse, cost int64) holding {
	j := holding{Kind: h.Kind, Layer: h.Layer, Path: h.Path, Total: h.Bytes, Frees: h.Alone, Small: h.Small, Files: h.Files, Cost: cost}
	if layer != nil {
		j.Label = layer.Label
	}
	return j
}

// newTable is a table for row.
func newTable() *ui.Table {
	tab := ui.NewTable("WHAT", "", "TOTAL", "FREES", "COST", "LAST USE", "LABEL", "WHERE")
	tab.OmitEmpty()
	return tab
}

// row adds a row for h to a table.
func row(tab *ui.Table, h *holdings.Holding, layer *layers.LayerUse, cost int64, now time.Time) {
	total, frees := phrase.Size(h.Bytes), phrase.Size(h.Alone)
	if layer == nil {
		tab.Row(string(h.Kind), phrase.ID(h.Layer), total, frees, "", "", "", h.Path)
		return
	}
	used := layer.Created
	if layer.LastUse.After(used) {
		used = layer.LastUse
	}
	tab.Row(string(h.Kind), phrase.ID(h.Layer), total, frees, phrase.Cost(cost), phrase.Ago(used, now), phrase.Label(&layer.Record), phrase.Origin(&layer.Record))
}
