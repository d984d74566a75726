package du

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// What the page is made of. All of it stands in the page: it asks for nothing.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

// A page is what page.html shows, which escapes all texts.
type page struct {
	Policy string // what a browser may do with the page
	Style  template.CSS
	Script template.JS

	Store    string
	Made     time.Time
	Takes    string
	Together figure // each byte once
	Single   figure // what of it one tree has and nothing else
	Shared   figure // the rest

	Heads   []head
	Rows    []tableRow
	Boxes   []box // of the map
	Chips   []box // of trees that free too little for the map
	Kinds   []kind
	Lineage []rail
	Groups  []groupTable
	Data    sums
}

// newPage makes a page of all trees of a store.
func newPage(store string, gs *groups, uses []layers.LayerUse, now time.Time) *page {
	v, layerOf := gs.survey, gs.layerOf
	own := v.Own()
	order, together := inOrder(v, own), v.Takes(own)
	p := &page{
		Policy: policy(), Style: template.CSS(pageStyle), Script: template.JS(pageScript),
		Store: ui.Clean(store), Made: now.UTC().Truncate(time.Second), Takes: takes(len(own), together), Together: size(together),
		Heads: headsOf(heads),
	}
	alone, boxes := int64(0), []box{}
	var trees []sumTree
	number, byLayer := map[int]int{}, map[string]int{} // of a tree, by its index in the survey
	for n, i := range order {
		h := &v.Holdings[i]
		layer, cost := layerOf[h.Layer], v.Costs(map[int]bool{i: true})
		number[i] = n
		alone += h.Alone
		row := newRow(n, h, layer, cost, cells(h, layer, cost, now))
		p.Rows, boxes = append(p.Rows, row), append(boxes, newBox(row, h, layer))
		if k := (kind{classOf(h.Kind), string(h.Kind)}); !slices.Contains(p.Kinds, k) {
			p.Kinds = append(p.Kinds, k)
		}
		tree := sumTree{Key: h.Path}
		if h.Layer != "" {
			tree = sumTree{Key: h.Layer, Layer: true}
			byLayer[h.Layer] = n
			if layer != nil {
				tree.Label = layer.Label
			}
		}
		trees = append(trees, tree)
	}
	p.Single, p.Shared = size(alone), size(together-alone)
	p.Data = newSums(v, number, byLayer, trees)
	p.Boxes, p.Chips = newMap(boxes, p.Together, p.Shared)
	p.Lineage = newRails(p.Rows, byLayer, uses, now)
	for _, by := range groupsOfTrees {
		p.Groups = append(p.Groups, newGroupTable(gs, number, by))
	}
	return p
}

// policy lets the page ask for nothing, and no script run but its own (W3C, Content Security
// Policy Level 3).
func policy() string {
	sum := sha256.Sum256([]byte(pageScript))
	return "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
		"script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// html is the page as a browser reads it.
func (p *page) html() ([]byte, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

// write writes the page to a file, whole or not at all, and says so.
func (p *page) write(term *ui.Terminal, path string) error {
	text, err := p.html()
	if err == nil {
		err = replaceFile(path, text)
	}
	if err != nil {
		return fmt.Errorf("write page %s: %w", path, err)
	}
	term.JSON("du-page", struct {
		Path  string `json:"path"`
		Bytes int    `json:"bytes"`
	}{path, len(text)})
	term.Status("Wrote", "%s, %s: %s", path, phrase.Size(int64(len(text))), p.Takes)
	return nil
}
