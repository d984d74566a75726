// Package doctor looks at all that the program needs of a machine, a disk and a project, and
// says of each thing how it is, and which command mends it.
//
// It only looks, and leaves nothing behind; Probe tries the whole in a directory of its own, which
// is removed again. A Doctor serves one command.
//
// Files build on each other in this order: doctor, what a finding is; disk, machine, project, what
// is looked at; views, what keeps them from being possible; probe; run.
package doctor

import (
	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
)

// A Doctor is the command of that name.
type Doctor struct {
	Environ environ.Environ
	Term    *ui.Terminal
	Session *open.Session

	findings []Finding
}

// State says how grave a finding is.
type State string

// The states.
const (
	Fine State = "fine"
	Note State = "note" // it works, and could be better
	Bad  State = "bad"  // something does not work, or will not
)

// A Finding is how one thing is.
type Finding struct {
	Topic string `json:"topic"`
	State State  `json:"state"`
	Text  string `json:"text"`
	Help  string `json:"help,omitempty"` // one command that mends it
}

func (d *Doctor) find(state State, topic, text, help string) {
	d.findings = append(d.findings, Finding{topic, state, text, help})
}
