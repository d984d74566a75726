package main

import (
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
)

// unitJSON is the JSON line of a verdict.
type unitJSON struct {
	cargo.UnitName
	Verdict string   `json:"verdict"`
	Rule    string   `json:"rule,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Because []string `json:"because,omitempty"`
}

func (a *app) verdictJSON(v *cargo.Verdict) {
	line := unitJSON{UnitName: v.UnitName, Verdict: "dirty", Because: v.Because}
	if v.Fresh {
		line.Verdict = "fresh"
	}
	line.Rule, line.Detail = phrase.Reason(v)
	a.term.JSON("unit", line)
}

// reportUncopied tells, in one line, what could not be copied.
func (a *app) reportUncopied(left layers.Uncopied) {
	switch n := len(left.Paths); {
	case n == 1:
		a.term.Warn("not copied: %v", left.Why)
	case n > 1:
		a.term.Warn("not copied: %v, and %d more", left.Why, n-1)
	}
}

// reportForeign tells which directories are not in a layer since another user's
// build left them.
func (a *app) reportForeign(dirs []string) {
	for _, dir := range dirs {
		a.term.Warn("left out: %s belongs to another user (%s)", dir, layers.ForeignHelp(dir))
	}
}
