package report

import (
	"fmt"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// Restore tells what was restored, or with dryRun would be.
func Restore(term *ui.Terminal, rep *layers.RestoreReport, dryRun bool) {
	for i := range rep.Rebuild {
		Verdict(term, &rep.Rebuild[i])
	}
	term.JSON("restore", struct {
		layers.Record
		Kept       int  `json:"kept"`
		Rebuild    int  `json:"rebuild"`
		Retagged   int  `json:"retagged"`
		SameCommit bool `json:"same_commit"`
		Undo       bool `json:"undo"` // what was there before can be brought back
		DryRun     bool `json:"dry_run,omitempty"`
		GraftJSON
	}{rep.Record, rep.Kept, len(rep.Rebuild), rep.Retagged, rep.SameCommit, rep.Undo, dryRun, NewGraftJSON(rep.Grafted)})

	if dryRun {
		term.Status("Would", "restore %s", restored(rep))
	} else {
		term.Status("Restored", "%s", restored(rep))
	}
	Graft(term, rep.Grafted)
	for _, dir := range rep.Undeletable {
		term.Warn("cannot remove %s: it holds files of another user (sudo rm -rf %s)", dir, dir)
	}
	if n := len(rep.Rebuild); n > 0 && !term.Verbose() {
		term.Status("Rebuild", "%s, see `cargo cow explain`", phrase.Count(n, "unit"))
	}
	for i := range rep.Rebuild {
		rule, detail := phrase.Reason(&rep.Rebuild[i])
		term.Detail("Rebuild", "%s: %s: %s", phrase.Unit(rep.Rebuild[i].UnitName), rule, detail)
	}
}

// RestoreBriefly tells of a restore in the one line that it is worth amid git's output.
func RestoreBriefly(term *ui.Terminal, rep *layers.RestoreReport) {
	text := restored(rep)
	if n := len(rep.Rebuild); n > 0 {
		text += fmt.Sprintf(", %d to be rebuilt", n)
	}
	term.Status("Restored", "%s", text)
}

// UndoSeen returns a function that tells that git could not be kept from seeing what is
// kept for undo.
func UndoSeen(term *ui.Terminal) func(cause error) {
	return func(cause error) { term.Detail("Note", "git sees what is kept for undo: %v", cause) }
}

func restored(rep *layers.RestoreReport) string {
	return fmt.Sprintf("%s from %s (%s)", phrase.Count(rep.Kept, "unit"), phrase.ID(rep.ID), phrase.Origin(&rep.Record))
}
