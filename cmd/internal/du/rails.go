package du

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/lineage"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// A rail is a line of the lineage: a layer, or where one is joined to another.
type rail struct {
	Tree  string // the number of the layer; "" of one that is being removed
	ID    string
	Name  string
	From  string // in words
	Where string
	Made  string
	Units string
	Total string
	Frees string

	// The drawing, whose columns are railWidth wide.
	Width, Height, X, Y int
	Lines               string // as the path of an SVG has it
	Dot, First          bool
}

// How large the lineage is drawn: a column, a line with a layer, and one that only joins.
const railWidth, railHeight, joinHeight = 18, 36, 18

// newRails draws the lineage of layers, of which byLayer has the numbers of their rows.
func newRails(rows []tableRow, byLayer map[string]int, uses []layers.LayerUse, now time.Time) []rail {
	list, known := make([]layers.Record, len(uses)), map[string]bool{}
	for i := range uses {
		list[i] = uses[i].Record
		known[uses[i].ID] = true
	}
	var rails []rail
	width := 0
	lines := lineage.Draw(list, lineage.Boxes)
	for i, l := range lines {
		above := false
		if i > 0 {
			last := lines[i-1]
			above = last.Column == l.Column && (last.Layer == nil || !last.First)
		}
		r := drawn(l, above)
		if l.Layer != nil {
			r.describe(l.Layer, known[l.Layer.Parent], now)
			if n, ok := byLayer[l.Layer.ID]; ok {
				r.Tree, r.Total, r.Frees = strconv.Itoa(n), rows[n].Cells[2].Text, rows[n].Cells[3].Text
			}
		}
		rails = append(rails, r)
		width = max(width, r.Width)
	}
	for i := range rails {
		rails[i].Width = width // so that what stands beside them is in line
	}
	return rails
}

// drawn is the drawing of a line; above tells whether something was made from its layer.
func drawn(l lineage.Line, above bool) rail {
	centre := func(column int) int { return column*railWidth + railWidth/2 }
	r := rail{Width: (l.Column + 1) * railWidth, Height: railHeight, X: centre(l.Column), Y: railHeight / 2, Dot: l.Layer != nil, First: l.First}
	if !r.Dot {
		r.Width, r.Height = r.Width+railWidth, joinHeight
	}
	var b strings.Builder
	for column := range l.Column {
		fmt.Fprintf(&b, "M%d 0V%d", centre(column), r.Height)
	}
	switch {
	case !r.Dot:
		fmt.Fprintf(&b, "M%d 0V%dM%d 0Q%d %d %d %d", r.X, r.Height, centre(l.Column+1), centre(l.Column+1), r.Height*2/3, r.X, r.Height)
	case above && l.First:
		fmt.Fprintf(&b, "M%d 0V%d", r.X, r.Y)
	case above:
		fmt.Fprintf(&b, "M%d 0V%d", r.X, r.Height)
	case !l.First:
		fmt.Fprintf(&b, "M%d %dV%d", r.X, r.Y, r.Height)
	}
	r.Lines = b.String()
	return r
}

// describe says in words what is drawn, for who cannot see it, and which layer it is.
func (r *rail) describe(rec *layers.Record, hasParent bool, now time.Time) {
	r.ID, r.Name = phrase.ID(rec.ID), ui.Clean(rec.Label)
	r.Where, r.Made, r.Units = ui.Clean(phrase.Origin(rec)), phrase.Ago(rec.Created, now), phrase.Count(rec.Units, "unit")
	switch {
	case rec.Parent == "":
		r.From = "made from nothing"
	case !hasParent:
		r.From = "made from " + phrase.ID(rec.Parent) + ", which is gone"
	default:
		r.From = "made from " + phrase.ID(rec.Parent)
	}
}
