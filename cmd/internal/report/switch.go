package report

import (
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// Switch tells what became of a build directory that was to be made the best there is.
func Switch(term *ui.Terminal, rep *layers.SwitchReport) {
	if rep.Restored != nil {
		Restore(term, rep.Restored, false)
	} else {
		term.Status("Kept", "the build directory: %s", rep.Why)
	}
	layer := ""
	if rep.Restored != nil {
		layer = rep.Restored.ID
	}
	term.JSON("switch", struct {
		Restored bool   `json:"restored"`
		Layer    string `json:"layer,omitempty"`
		Why      string `json:"why,omitempty"` // the build directory was kept
	}{rep.Restored != nil, layer, rep.Why})
}

// Candidates tells among what a restore chooses.
func Candidates(term *ui.Terminal, list []layers.Candidate) {
	tab := ui.NewTable("LAYER", "SAVES", "REBUILD", "", "COMMIT", "ORIGIN")
	for i := range list {
		c := &list[i]
		term.JSON("candidate", c)
		mark := ""
		switch {
		case c.Chosen:
			mark = "chosen"
		case c.Joined:
			mark = "gives " + phrase.Count(c.Units, "unit")
		}
		tab.Row(phrase.ID(c.ID), phrase.Cost(c.Saves), phrase.Count(c.Rebuild, "unit"), mark, phrase.Commit(&c.Record), c.Origin)
	}
	term.Table(tab)
}
