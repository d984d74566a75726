package report

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// GraftJSON is what other layers gave; all is left out where there was no graft.
type GraftJSON struct {
	Grafted *int     `json:"grafted,omitempty"` // units
	From    []string `json:"from,omitempty"`    // layers
	Lacking *int     `json:"lacking,omitempty"` // needed registry and git units that no layer could give
}

// NewGraftJSON is g for JSON; nil is no graft.
func NewGraftJSON(g *layers.GraftReport) GraftJSON {
	if g == nil {
		return GraftJSON{}
	}
	n := len(g.Units)
	return GraftJSON{&n, g.From, &g.Lacking}
}

// Graft tells which units came from which layers; nil is no graft.
func Graft(term *ui.Terminal, g *layers.GraftReport) {
	if g == nil {
		return
	}
	if len(g.Units) > 0 {
		var from []string
		for _, id := range g.From {
			from = append(from, phrase.ID(id))
		}
		term.Status("Grafted", "%s from %s", phrase.Count(len(g.Units), "unit"), strings.Join(from, ", "))
	}
	for _, u := range g.Units {
		term.Detail("Grafted", "%s", phrase.Unit(u))
	}
	if g.Lacking > 0 {
		term.Status("Lacking", "%s of dependencies that no layer has", phrase.Count(g.Lacking, "unit"))
	}
}
