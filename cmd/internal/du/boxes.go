package du

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
)

// A box is a tree on the map, or what no tree has alone.
type box struct {
	Trees string // the number of the tree; "" of what is shared
	Kind  string // as a class of styles
	What  string
	Name  string
	Place template.CSS
	Full  string // all that is known of the tree, in one line

	Total, Frees, Cost string
	bytes              int64 // its area
}

// The map is drawn in these proportions, which page.css has too, and a box that would be a
// smaller part of it than least is too small to be hit.
const (
	mapWidth, mapHeight = 1000, 420
	least               = 0.004
)

// newMap lays out a map of trees and of what is shared, and returns apart what is too small
// for it, in the order it came in.
func newMap(trees []box, together, shared figure) (onMap, tooSmall []box) {
	for _, b := range trees {
		if b.bytes == 0 || float64(b.bytes) < least*float64(together.Number) {
			tooSmall = append(tooSmall, b)
		} else {
			onMap = append(onMap, b)
		}
	}
	if shared.Number > 0 {
		onMap = append(onMap, box{Kind: "shared", What: "shared", Name: "Shared", Total: shared.Text, bytes: shared.Number})
	}
	slices.SortStableFunc(onMap, func(a, b box) int { return cmp.Compare(b.bytes, a.bytes) })
	sum := 0.0
	for _, b := range onMap {
		sum += float64(b.bytes)
	}
	areas := make([]float64, len(onMap))
	for i, b := range onMap {
		areas[i] = float64(b.bytes) / sum * mapWidth * mapHeight
	}
	for i, r := range squarify(areas, rect{0, 0, mapWidth, mapHeight}) {
		onMap[i].Place = template.CSS(fmt.Sprintf("left:%.3f%%;top:%.3f%%;width:%.3f%%;height:%.3f%%",
			r.x/mapWidth*100, r.y/mapHeight*100, r.w/mapWidth*100, r.h/mapHeight*100))
	}
	return onMap, tooSmall
}

// A kind is one of trees, with its class of styles.
type kind struct{ Class, Text string }

// newBox is the box of a tree with its row in the table.
func newBox(r tableRow, h *holdings.Holding, layer *layers.LayerUse) box {
	b := box{
		Trees: r.Trees, Kind: r.Kind, What: string(h.Kind), Name: nameOf(h, layer),
		Total: r.Cells[2].Text, Frees: r.Cells[3].Text, Cost: r.Cells[4].Text, bytes: h.Alone,
	}
	if b.Name == "" {
		b.Name = b.What
	}
	if h.Layer != "" && b.Name != phrase.ID(h.Layer) {
		b.What += " " + phrase.ID(h.Layer)
	}
	b.Full = r.Name + ": total " + b.Total + ", frees " + b.Frees
	if b.Cost != "" {
		b.Cost = "cost " + b.Cost
		b.Full += ", " + b.Cost
	}
	b.Full += "; " + r.Cells[7].Text
	return b
}
