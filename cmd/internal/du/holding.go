package du

import (
	"cmp"
	"maps"
	"slices"
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
	// Breaks is how often a file goes on elsewhere on the disk.
	Breaks  int       `json:"breaks"`
	Cost    int64     `json:"cost_ms"`
	LastUse time.Time `json:"last_use,omitzero"` // of a layer or build directory
}

// newHolding is h, with the layer that it is, nil for none, and what removing it
// costs.
func newHolding(h *holdings.Holding, layer *layers.LayerUse, cost int64) holding {
	j := holding{Kind: h.Kind, Layer: h.Layer, Path: h.Path, Total: h.Bytes, Frees: h.Alone, Small: h.Small, Files: h.Files, Breaks: h.Breaks, Cost: cost, LastUse: h.Used}
	if layer != nil {
		j.Label = layer.Label
	}
	return j
}

// heads are those of the columns of cells.
var heads = []string{"WHAT", "", "TOTAL", "FREES", "COST", "LAST USE", "LABEL", "WHERE"}

// newTable is a table for cells.
func newTable() *ui.Table {
	tab := ui.NewTable(heads...)
	tab.OmitEmpty()
	return tab
}

// cells is what is said of h in a table, with the layer that it is, nil for none, and what
// removing it costs.
func cells(h *holdings.Holding, layer *layers.LayerUse, cost int64, now time.Time) []string {
	total, frees := phrase.Size(h.Bytes), phrase.Size(h.Alone)
	if layer == nil {
		return []string{string(h.Kind), phrase.ID(h.Layer), total, frees, "", phrase.Ago(h.Used, now), "", h.Path}
	}
	return []string{string(h.Kind), phrase.ID(h.Layer), total, frees, phrase.Cost(cost), phrase.Ago(h.Used, now), phrase.Label(&layer.Record), phrase.Origin(&layer.Record)}
}

// inOrder are the holdings for which shown is true, those first that free most alone.
func inOrder(v *holdings.Survey, shown map[int]bool) []int {
	order := slices.Sorted(maps.Keys(shown))
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(v.Holdings[j].Alone, v.Holdings[i].Alone) })
	return order
}

// takes says what a number of trees take together.
func takes(trees int, bytes int64) string {
	return phrase.Count(trees, "tree") + " take " + phrase.Size(bytes) + " together"
}
