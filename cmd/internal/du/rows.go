package du

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
)

// A figure is a text in a table, and the number it stands for unless it is a mere text.
type figure struct {
	Text    string
	Number  int64
	Numeric bool
}

// A head is that of a column.
type head struct {
	Text    string
	Numeric bool
}

// A tableRow is what is said of a tree, or of a group of them.
type tableRow struct {
	Trees string // the numbers of the trees, as an attribute has them
	Kind  string // of a tree, as a class of styles
	Name  string
	Cells []figure
}

func size(bytes int64) figure { return figure{phrase.Size(bytes), bytes, true} }

// headsOf are heads as a page has them: none is without a text, which would be read to
// nobody, and capitals are a matter of style.
func headsOf(texts []string) []head {
	var list []head
	for _, text := range texts {
		if text == "" {
			text = "ID"
		} else {
			text = text[:1] + strings.ToLower(text[1:])
		}
		numeric := map[string]bool{"Trees": true, "Total": true, "Frees": true, "Cost": true, "Last use": true}[text]
		list = append(list, head{text, numeric})
	}
	return list
}

// newRow is the row of the tree that has the number n, of the cells of a table.
func newRow(n int, h *holdings.Holding, layer *layers.LayerUse, cost int64, texts []string) tableRow {
	r := tableRow{Trees: strconv.Itoa(n), Kind: classOf(h.Kind), Name: strings.TrimSpace(string(h.Kind) + " " + nameOf(h, layer))}
	used := int64(0)
	if !h.Used.IsZero() {
		used = h.Used.Unix()
	}
	r.fill(texts, map[int]int64{2: h.Bytes, 3: h.Alone, 4: cost, 5: used})
	return r
}

// fill fills the cells, with the numbers of those that have one.
func (r *tableRow) fill(texts []string, numbers map[int]int64) {
	for i, text := range texts {
		n, ok := numbers[i]
		r.Cells = append(r.Cells, figure{ui.Clean(text), n, ok})
	}
}

// classOf is the class of styles of a kind of trees.
func classOf(k holdings.Kind) string { return strings.ReplaceAll(string(k), " ", "-") }

// nameOf is what a tree is called where there is little room.
func nameOf(h *holdings.Holding, layer *layers.LayerUse) string {
	switch {
	case layer != nil && layer.Label != "":
		return ui.Clean(layer.Label)
	case h.Layer != "":
		return phrase.ID(h.Layer)
	case h.Kind == holdings.Warehouse:
		return ""
	}
	return ui.Clean(filepath.Join(filepath.Base(filepath.Dir(h.Path)), filepath.Base(h.Path)))
}

// A groupTable is what trees are put together by.
type groupTable struct {
	By    string
	Heads []head
	Rows  []tableRow
}

// newGroupTable is a table of trees put together.
func newGroupTable(gs *groups, number map[int]int, by string) groupTable {
	t := groupTable{By: by, Heads: headsOf(groupHeads(by))}
	for _, g := range gs.by(by) {
		r := tableRow{Name: ui.Clean(g.Name)}
		for _, i := range inOrder(gs.survey, g.members) {
			r.Trees = strings.TrimSpace(r.Trees + " " + strconv.Itoa(number[i]))
		}
		r.fill(g.cells(), map[int]int64{1: int64(g.Trees), 2: g.Total, 3: g.Frees, 4: g.Cost})
		t.Rows = append(t.Rows, r)
	}
	return t
}
