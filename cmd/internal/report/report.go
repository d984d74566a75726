// Package report tells the results that several commands have: as status lines, as JSON
// lines, as warnings. So a restore reads the same whichever command has made it, and
// what a JSON line has is written down once.
//
// A report is written when its function is called. A Terminal may be used by several
// goroutines, and so may these functions.
package report

import (
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
)

// Verdict writes what becomes of a unit, with --json.
func Verdict(term *ui.Terminal, v *freshness.Verdict) {
	verdict := "dirty"
	if v.Fresh {
		verdict = "fresh"
	}
	rule, detail := phrase.Reason(v)
	term.JSON("unit", struct {
		builddir.UnitName
		Verdict string   `json:"verdict"`
		Rule    string   `json:"rule,omitempty"`
		Detail  string   `json:"detail,omitempty"`
		Because []string `json:"because,omitempty"`
	}{v.UnitName, verdict, rule, detail, v.Because})
}

// Uncopied tells, in one line, what could not be copied.
func Uncopied(term *ui.Terminal, left layers.Uncopied) {
	switch n := len(left.Paths); {
	case n == 1:
		term.Warn("not copied: %v", left.Why)
	case n > 1:
		term.Warn("not copied: %v, and %d more", left.Why, n-1)
	}
}

// foreignDirs tells which directories are not in a layer since another user's
// build left them.
func foreignDirs(term *ui.Terminal, dirs []string) {
	for _, dir := range dirs {
		term.Warn("left out: %s belongs to another user (%s)", dir, foreign.Help(dir))
	}
}
