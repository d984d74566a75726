package handoff

import (
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/words"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// stateKey begins the note of a unit's state in its .d file.
const stateKey = "# cargo-cow-state"

// State says where the incremental state of a unit was made. It is noted in the last line
// of the unit's .d file, which rustc writes anew: so the note is gone when the unit was
// compiled elsewhere.
type State struct {
	Root  string // the workspace root
	Build string // the text by which the build directory was called
}

// ParseState returns the state that AppendTo noted in a .d file.
func ParseState(text string) (State, bool) {
	note, _, ok := depfile.LastNote(text, stateKey+" ")
	if !ok {
		return State{}, false
	}
	values, ok := words.Split(note)
	if !ok || len(values) != 2 || !paths.IsClean(values[0]) || !paths.IsClean(values[1]) {
		return State{}, false
	}
	return State{values[0], values[1]}, true
}

// AppendTo returns the text of a .d file with a note of the unit's state.
func (s State) AppendTo(text string) string {
	return depfile.Add(WithoutState(text), words.Line(stateKey, s.Root, s.Build))
}

// WithoutState returns the text of a .d file without that note.
func WithoutState(text string) string {
	_, before, _ := depfile.LastNote(text, stateKey+" ")
	return before
}
