package main

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers"
)

// pen is what a graph is drawn with. Columns are two characters wide.
type pen struct {
	linked string // a layer that was made from the one below
	first  string // one that begins a lineage
	line   string
	join   string // the line on the right ends in that on the left
}

var (
	ascii = pen{"* ", "o ", "| ", "|/"}
	boxes = pen{"● ", "○ ", "│ ", "├─╯"}
)

// drawn is a line of a graph: what is drawn, and the layer it is drawn for. A line
// that only joins others has none.
type drawn struct {
	art   string
	layer *layers.Record
}

// draw puts every layer above the one it was made from. The list is the newest
// first, and so are the lineages, and the branches of each, by the newest layer
// they hold. A layer whose parent is not in the list begins a lineage.
func draw(list []layers.Record, p pen) []drawn {
	g := grow(list)
	var lines []drawn
	var branch func(i, depth int)
	branch = func(i, depth int) {
		for n, above := range g.above[i] {
			if n == 0 {
				branch(above, depth)
				continue
			}
			branch(above, depth+1)
			lines = append(lines, drawn{art: strings.Repeat(p.line, depth) + p.join})
		}
		dot := p.linked
		if g.first[i] {
			dot = p.first
		}
		lines = append(lines, drawn{strings.Repeat(p.line, depth) + dot, &list[i]})
	}
	for _, i := range g.roots {
		branch(i, 0)
	}
	return lines
}

// forest is a list of layers, by their places in it.
type forest struct {
	roots []int
	first []bool  // it is a root
	above [][]int // what was made from it
}

// grow goes down from each layer in turn to the first one that was met before. So
// roots and branches come in the order of the newest layer above them. Records
// that make a ring, as only damaged ones do, are cut open somewhere.
func grow(list []layers.Record) forest {
	g := forest{first: make([]bool, len(list)), above: make([][]int, len(list))}
	place := map[string]int{}
	for i := range list {
		place[list[i].ID] = i
	}
	walk := make([]int, len(list)) // which walk met a layer, from 1
	for start := range list {
		for i := start; walk[i] == 0; {
			walk[i] = start + 1
			below, there := place[list[i].Parent]
			if !there || walk[below] == start+1 {
				g.first[i] = true
				g.roots = append(g.roots, i)
				break
			}
			g.above[below] = append(g.above[below], i)
			i = below
		}
	}
	return g
}
