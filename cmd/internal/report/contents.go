package report

import (
	"fmt"
	"strconv"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
)

// Contents shows what a layer holds by package, and what it comes to.
func Contents(term *ui.Terminal, c *layers.Contents, all bool) {
	term.Println("")
	tab := ui.NewTable("PACKAGE", "VERSION", "SOURCE", "UNITS", "COST", "SIZE")
	tab.OmitEmpty()
	shown := ui.Shown(len(c.Packages), all)
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
		term.JSON("package", p)
		if i < shown {
			tab.Row(p.Name, p.Version, p.Source, strconv.Itoa(p.Units), phrase.Cost(p.Cost), phrase.Size(p.Size))
		}
		total.Units += p.Units
		total.Cost += p.Cost
		total.Size += p.Size
	}
	total.Packages, total.Incremental, total.Other = len(c.Packages), c.Incremental, c.Other
	term.JSON("contents", total)
	tab.More(len(c.Packages)-shown, "--all")
	tab.Row("all "+phrase.Count(total.Packages, "package"), "", "", strconv.Itoa(total.Units), phrase.Cost(total.Cost), phrase.Size(total.Size))
	if total.Incremental > 0 {
		tab.Row("incremental state", "", "", "", "", phrase.Size(total.Incremental))
	}
	tab.Row("other files", "", "", "", "", phrase.Size(total.Other))
	term.Table(tab)
}

// Listed shows the units that can differ elsewhere.
func Listed(term *ui.Terminal, units []manifest.Listed, all bool) {
	if len(units) == 0 {
		return
	}
	term.Println("")
	tab := ui.NewTable("PACKAGE", "TARGET", "KIND", "PROFILE", "SOURCE", "REBUILT ELSEWHERE")
	tab.OmitEmpty()
	shown := ui.Shown(len(units), all)
	for i := range units {
		u := &units[i]
		term.JSON("unit", u)
		if i >= shown {
			continue
		}
		dirty := ""
		if u.Dirty != nil {
			dirty = fmt.Sprintf("%s: %s", u.Dirty.Rule, u.Dirty.Detail)
		}
		tab.Row(u.Package, u.Target, u.Kind, u.Profile, u.Source, dirty)
	}
	tab.More(len(units)-shown, "--all")
	term.Table(tab)
}
