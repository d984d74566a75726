package du

import (
	"context"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
)

// unitGroup is units that belong together, in JSON.
type unitGroup struct {
	Name   string `json:"group"`
	Source string `json:"source,omitempty"` // of a package
	Units  int    `json:"units"`
	Layers int    `json:"layers"`
	Total  int64  `json:"total"` // each unit once
	Cost   int64  `json:"cost_ms"`
}

func newUnitGroup(g *holdings.UnitGroup) unitGroup {
	return unitGroup{g.Name, g.Source, g.Units, g.Layers, g.Bytes, g.Cost}
}

// showUnits shows what is in the layers by what the units belong to, each unit once.
func showUnits(ctx context.Context, term *ui.Terminal, st *layers.Store, by string) error {
	units, err := st.Units(ctx)
	if err != nil {
		return err
	}
	list := units.ByProfile()
	if by == "package" {
		list = units.ByPackage()
	}
	tab := ui.NewTable(strings.ToUpper(by), "SOURCE", "UNITS", "LAYERS", "TOTAL", "COST")
	tab.OmitEmpty()
	shown := ui.Shown(len(list), term.Verbose())
	for i := range list {
		term.JSON("group", newUnitGroup(&list[i]))
		if i < shown {
			tab.Row(unitCells(&list[i])...)
		}
	}
	tab.More(len(list)-shown, "--verbose")
	term.Table(tab)
	all := units.All()
	term.Status("Total", "%s in %s take %s", phrase.Count(all.Units, "unit"), phrase.Count(all.Layers, "layer"), phrase.Size(all.Bytes))
	return nil
}

// unitCells is what is said of units in a table.
func unitCells(g *holdings.UnitGroup) []string {
	return []string{g.Name, g.Source, strconv.Itoa(g.Units), strconv.Itoa(g.Layers), phrase.Size(g.Bytes), phrase.Cost(g.Cost)}
}
