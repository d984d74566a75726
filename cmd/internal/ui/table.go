package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Cell is one piece of a table.
type Cell struct {
	Text  string
	Style Style
}

// Table is rows under a head, columns parted by two spaces.
type Table struct {
	head   []Cell
	rows   [][]Cell
	sparse bool
}

// NewTable makes a table; no heads, no head line.
func NewTable(heads ...string) *Table {
	t := &Table{}
	for _, h := range heads {
		t.head = append(t.head, Cell{h, Head})
	}
	return t
}

// Row adds a row of plain texts.
func (t *Table) Row(texts ...string) {
	cells := make([]Cell, len(texts))
	for i, s := range texts {
		cells[i].Text = s
	}
	t.rows = append(t.rows, cells)
}

// Cells adds a row.
func (t *Table) Cells(cells ...Cell) { t.rows = append(t.rows, cells) }

// screenful is how much of a long table is shown unless all of it is asked for.
const screenful = 20

// Shown returns how many of n rows are shown: all, or the first that fill a screen. It
// leaves out rows only where that saves more than the line that says so (More).
func Shown(n int, all bool) int {
	if all || n <= screenful+1 {
		return n
	}
	return screenful
}

// More adds the line that says that n rows are left out, and which flag shows them.
func (t *Table) More(n int, flag string) {
	if n > 0 {
		t.Row(fmt.Sprintf("… and %d more (%s)", n, flag))
	}
}

// OmitEmpty leaves out the columns in which no row has a text.
func (t *Table) OmitEmpty() { t.sparse = true }

// lines are all that is printed, the head first.
func (t *Table) lines() [][]Cell {
	rows := t.rows
	if len(t.head) > 0 {
		rows = append([][]Cell{t.head}, rows...)
	}
	if !t.sparse {
		return rows
	}
	var filled []bool
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(filled) {
				filled = append(filled, false)
			}
			filled[i] = filled[i] || c.Text != ""
		}
	}
	some := make([][]Cell, len(rows))
	for r, row := range rows {
		for i, c := range row {
			if i < len(filled) && filled[i] {
				some[r] = append(some[r], c)
			}
		}
	}
	return some
}

// Table writes tab to stdout. On a terminal the last column is cut at the right
// margin, unless --verbose; a file or a pipe gets every character. It is silent
// with --json.
func (t *Terminal) Table(tab *Table) {
	if t.opts.JSON || len(tab.rows) == 0 {
		return
	}
	rows := tab.lines()
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(Clean(c.Text)))
		}
	}
	limit := t.out.width
	if t.opts.Verbose {
		limit = 0
	}
	var b strings.Builder
	for _, row := range rows {
		used := 0
		for i, c := range row {
			text := Clean(c.Text)
			last := i == len(row)-1
			if last && limit > 0 {
				text = cut(text, limit-used)
			}
			b.WriteString(t.out.paint(c.Style, text))
			if !last {
				b.WriteString(strings.Repeat(" ", widths[i]-columns(text)+2))
				used += widths[i] + 2
			}
		}
		b.WriteByte('\n')
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bar.clear()
	io.WriteString(t.out.w, trimLines(b.String()))
}

// trimLines takes out the padding before an empty last cell.
func trimLines(s string) string {
	var b strings.Builder
	for l := range strings.Lines(s) {
		fmt.Fprintln(&b, strings.TrimRight(l, " \n"))
	}
	return b.String()
}

// columns counts characters; wide ones are rare in paths and cost an even edge.
func columns(s string) int { return utf8.RuneCountInString(s) }

// cut shortens s to n columns, but leaves at least a few characters: on a very
// narrow terminal a wrapped line serves better than an empty one.
func cut(s string, n int) string {
	n = max(n, 8)
	if columns(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
