// Package lineage draws which layer was made from which, as lines of text to be put
// before the rows of a table.
//
// It draws whatever it is given, damaged records included, each layer once. Its
// functions may be called by any number of goroutines.
package lineage

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers"
)

// A Pen is what a graph is drawn with. Columns are two characters wide.
type Pen struct {
	linked string // a layer that was made from the one below
	first  string // one that begins a lineage
	line   string
	join   string // the line on the right ends in that on the left
}

// ASCII is for what is no terminal: every program can read it.
var (
	ASCII = Pen{"* ", "o ", "| ", "|/"}
	Boxes = Pen{"● ", "○ ", "│ ", "├─╯"}
)

// A Line is a line of a graph: what is drawn, and the layer it is drawn for. A line
// that only joins others has none.
type Line struct {
	Art   string
	Layer *layers.Record
	// Column is where the layer's dot is, or where others are joined from the column on its
	// right. A line goes through each column before it.
	Column int
	First  bool // the layer begins a lineage
}

// Draw puts every layer above the one it was made from. The list is the newest
// first, and so are the lineages, and the branches of each, by the newest layer
// they hold. A layer whose parent is not in the list begins a lineage.
func Draw(list []layers.Record, p Pen) []Line {
	g := grow(list)
	var lines []Line
	var branch func(i, depth int)
	branch = func(i, depth int) {
		for n, child := range g.children[i] {
			if n == 0 {
				branch(child, depth)
				continue
			}
			branch(child, depth+1)
			lines = append(lines, Line{Art: strings.Repeat(p.line, depth) + p.join, Column: depth})
		}
		dot := p.linked
		if g.first[i] {
			dot = p.first
		}
		lines = append(lines, Line{strings.Repeat(p.line, depth) + dot, &list[i], depth, g.first[i]})
	}
	for _, i := range g.roots {
		branch(i, 0)
	}
	return lines
}

// forest is a list of layers, by their indices in it.
type forest struct {
	roots    []int
	first    []bool  // it is a root
	children [][]int // what was made from it
}

// grow goes down from each layer in turn to the first one that was met before. So
// roots and branches come in the order of the newest layer above them. Records
// that make a ring, as only damaged ones do, are cut open somewhere.
func grow(list []layers.Record) forest {
	g := forest{first: make([]bool, len(list)), children: make([][]int, len(list))}
	index := map[string]int{}
	for i := range list {
		index[list[i].ID] = i
	}
	walk := make([]int, len(list)) // which walk met a layer, from 1
	for start := range list {
		for i := start; walk[i] == 0; {
			walk[i] = start + 1
			parent, there := index[list[i].Parent]
			if !there || walk[parent] == start+1 {
				g.first[i] = true
				g.roots = append(g.roots, i)
				break
			}
			g.children[parent] = append(g.children[parent], i)
			i = parent
		}
	}
	return g
}
