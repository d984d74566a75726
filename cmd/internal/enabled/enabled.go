// Package enabled is what enable and disable do and say: the work is layers/enabling's.
//
// A Command is for one goroutine.
package enabled

import (
	"github.com/cargo-cow/cargo-cow/cmd/internal/environ"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/cmd/internal/wrapperstate"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/enabling"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
)

// A Command is one run of either.
type Command struct {
	Term    *ui.Terminal
	Session *open.Session
	Environ environ.Environ
	DryRun  bool
}

// carryOut carries a plan out, unless that is to be told only, and returns what it touches.
func (c *Command) carryOut(plan *enabling.Plan) ([]enabling.Touch, error) {
	touches := plan.Touches()
	if c.DryRun || len(touches) == 0 {
		return touches, nil
	}
	return touches, plan.CarryOut()
}

// wouldTouch says what a dry run has found.
func (c *Command) wouldTouch(touches []enabling.Touch, none string) {
	for _, t := range touches {
		c.Term.Status("Would", "%s %s", t.How, t.File)
	}
	if len(touches) == 0 {
		c.Term.Status("Unchanged", "%s", none)
	}
}

// line is what programs are told.
type line struct {
	Changed     bool              `json:"changed"`
	DryRun      bool              `json:"dry_run"`
	Files       []enabling.Touch  `json:"files"` // that were touched, or would be
	Config      string            `json:"config"`
	Chained     string            `json:"chained,omitempty"` // the other wrapper, behind ours or put back
	Automatic   string            `json:"automatic"`
	Completions []completionsLine `json:"completions"`
	FileSystem  string            `json:"file_system,omitempty"`
	Driver      string            `json:"driver,omitempty"`
	Views       *bool             `json:"views,omitempty"`
}

type completionsLine struct {
	Shell string         `json:"shell,omitempty"`
	File  string         `json:"file"`
	State enabling.State `json:"state"`
	Error string         `json:"error,omitempty"`
}

func newLine(plan *enabling.Plan, touches []enabling.Touch, dryRun bool) *line {
	l := &line{
		Changed: !dryRun && len(touches) > 0, DryRun: dryRun, Files: touches,
		Config: plan.Configs[0].File, Chained: plan.Configs[0].Next, Automatic: plan.Automatic, Completions: []completionsLine{},
	}
	for _, f := range plan.Completions {
		shown := completionsLine{Shell: f.Shell, File: f.File, State: f.State}
		if f.Err != nil {
			shown.Error = f.Err.Error()
		}
		l.Completions = append(l.Completions, shown)
	}
	return l
}

// withHelp adds what the user can do where something cannot be written.
func withHelp(command string, err error) error {
	if !layers.IsReadOnly(err) {
		return wrapperstate.Help(err)
	}
	help := foreign.PermissionHelp(err)
	if help == "" {
		help = "run `cargo cow " + command + "` where that can be written, outside of this sandbox or container"
	}
	return &layers.HelpError{Err: err, Help: help}
}
