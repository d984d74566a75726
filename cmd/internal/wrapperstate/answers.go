package wrapperstate

import (
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// lastCalls is how many calls back status looks: the last build or two of a small
// project. What was in the way before that may long be mended.
const lastCalls = 20

// Answers says whether calls can be answered from the warehouse: which compiler they run,
// found out as a call does it, and what became of the last ones.
type Answers struct {
	Compiler   string `json:"compiler,omitempty"`    // the one that is run in the end
	NoCompiler string `json:"no_compiler,omitempty"` // why all calls are handed on
	Members    string `json:"members,omitempty"`     // why calls for the workspace's packages are handed on
	Last       int    `json:"last,omitempty"`        // calls that were looked at
	Refused    int    `json:"refused,omitempty"`     // of these
	Why        string `json:"refused_why,omitempty"` // the most frequent reason
}

// FindAnswers finds the compiler that calls run here, and sums up the last calls that
// are remembered.
func FindAnswers(s *wrapper.Setup, events []warehouse.Event) (a Answers) {
	name, workspaceWrapper, err := s.Compiler()
	dir := s.Workspace
	if dir == "" {
		dir = s.Dir
	}
	if err == nil {
		// Cargo calls the compiler in the workspace's root, by its real path.
		if real, realErr := filepath.EvalSymlinks(dir); realErr == nil {
			dir = real
		}
		a.Compiler, err = rustc.Compiler(name, dir, os.Environ())
	}
	if err != nil {
		a.NoCompiler = err.Error()
	}
	if workspaceWrapper != "" && !rustc.Drives(workspaceWrapper) {
		a.Members = workspaceWrapper + " runs around the compiler"
	}
	events = events[max(0, len(events)-lastCalls):]
	sum := warehouse.Sum(events)
	a.Last, a.Refused = len(events), sum.Calls[warehouse.Refused]
	for _, r := range sum.Reasons {
		if r.Kind == warehouse.Refused {
			a.Why = r.Reason
			break
		}
	}
	return a
}
