package report

import (
	"fmt"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
)

// maxLeftOut bounds how many names of what is left out are said.
const maxLeftOut = 4

// Snapshot tells what was sealed.
func Snapshot(term *ui.Terminal, rep *layers.SnapshotReport) {
	term.JSON("snapshot", struct {
		Layer   string   `json:"layer"`
		Created bool     `json:"created"`
		Label   string   `json:"label"`
		Units   int      `json:"units"`
		Dirty   int      `json:"dirty"`
		Parent  string   `json:"parent"`
		LeftOut []string `json:"left_out,omitempty"`
		layers.Uncopied
		Foreign []string `json:"foreign,omitempty"` // directories of another user that are not in it
	}{rep.ID, rep.CreatedNew, rep.Label, rep.Units, rep.DirtyUnits, rep.Parent, rep.LeftOut, rep.Uncopied, rep.Foreign})
	defer Uncopied(term, rep.Uncopied)
	defer foreignDirs(term, rep.Foreign)
	if !rep.CreatedNew {
		term.Status("Unchanged", "since %s", phrase.ID(rep.ID))
		return
	}
	text := phrase.ID(rep.ID)
	if rep.Label != "" {
		text += " (" + rep.Label + ")"
	}
	text += "  " + phrase.Count(rep.Units, "unit")
	if rep.DirtyUnits > 0 {
		text += fmt.Sprintf(", %d of them will be rebuilt elsewhere", rep.DirtyUnits)
	}
	term.Status("Sealed", "%s", text)
	if n := len(rep.LeftOut); n > maxLeftOut {
		term.Status("Left out", "%s and %d more: not made by any unit or build script", strings.Join(rep.LeftOut[:maxLeftOut], ", "), n-maxLeftOut)
	} else if n > 0 {
		term.Status("Left out", "%s: not made by any unit or build script", strings.Join(rep.LeftOut, ", "))
	}
}
