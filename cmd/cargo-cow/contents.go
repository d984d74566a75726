package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// screenful is how much of a long table is shown unless all of it is asked for.
const screenful = 20

// shownOf leaves out rows only where that saves more than the line that says so.
func shownOf(n int, all bool) int {
	if all || n <= screenful+1 {
		return n
	}
	return screenful
}

func more(tab *ui.Table, n int) {
	if n > 0 {
		tab.Row(fmt.Sprintf("… and %d more (--all)", n))
	}
}

// showContents shows what a layer holds by package, and what it comes to.
func (a *app) showContents(c *layers.Contents, all bool) {
	a.term.Println("")
	tab := ui.NewTable("PACKAGE", "VERSION", "SOURCE", "UNITS", "COST", "SIZE")
	tab.OmitEmpty()
	shown := shownOf(len(c.Packages), all)
	var total struct {
		Packages    int   `json:"packages"`
		Units       int   `json:"units"`
		Cost        int64 `json:"cost_ms"`
		Size        int64 `json:"size"`
		Incremental int64 `json:"incremental_size"`
		Other       int64 `json:"other_size"`
	}
	for i := range c.Packages {
		p := &c.Packages[i]
		a.term.JSON("package", p)
		if i < shown {
			tab.Row(p.Name, p.Version, p.Source, strconv.Itoa(p.Units), cost(p.Cost), size(p.Size))
		}
		total.Units += p.Units
		total.Cost += p.Cost
		total.Size += p.Size
	}
	total.Packages, total.Incremental, total.Other = len(c.Packages), c.Incremental, c.Other
	a.term.JSON("contents", total)
	more(tab, len(c.Packages)-shown)
	tab.Row("all "+count(total.Packages, "package"), "", "", strconv.Itoa(total.Units), cost(total.Cost), size(total.Size))
	if total.Incremental > 0 {
		tab.Row("incremental state", "", "", "", "", size(total.Incremental))
	}
	tab.Row("other files", "", "", "", "", size(total.Other))
	a.term.Table(tab)
}

// cost tells a time in ms that something took, "-" where it is not known.
func cost(ms int64) string {
	switch s := float64(ms) / 1000; {
	case ms <= 0:
		return "-"
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	case s < 59.95:
		return fmt.Sprintf("%.1f s", s)
	default:
		n := int64(math.Round(s))
		if n < 3600 {
			return fmt.Sprintf("%d min %d s", n/60, n%60)
		}
		return fmt.Sprintf("%d h %d min", n/3600, n%3600/60)
	}
}

// size tells bytes in the unit that leaves one to three digits, and one after the
// point if there is room.
func size(bytes int64) string {
	n, unit := float64(bytes), "B"
	for _, next := range []string{"kB", "MB", "GB"} {
		if n < 999.5 {
			break
		}
		n, unit = n/1000, next
	}
	if unit != "B" && n < 9.95 {
		return fmt.Sprintf("%.1f %s", n, unit)
	}
	return fmt.Sprintf("%.0f %s", n, unit)
}
