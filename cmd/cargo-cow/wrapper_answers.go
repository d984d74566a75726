package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// lastCalls is how many calls back status looks: the last build or two of a small
// project. What was in the way before that may long be mended.
const lastCalls = 20

// wrapperAnswers says whether calls can be answered from the warehouse: whether the
// compiler that they run can be told, found out by the way that a call goes, and what
// became of the last ones.
type wrapperAnswers struct {
	Compiler   string `json:"compiler,omitempty"`    // the one that is run in the end
	NoCompiler string `json:"no_compiler,omitempty"` // why all calls are handed on
	Members    string `json:"members,omitempty"`     // why calls for the workspace's packages are handed on
	Last       int    `json:"last,omitempty"`        // calls that were looked at
	Refused    int    `json:"refused,omitempty"`     // of these
	Why        string `json:"refused_why,omitempty"` // the most frequent reason
}

func (a *app) wrapperAnswers(ctx context.Context, s *wrapper.Setup) (w wrapperAnswers) {
	name, around, err := s.Compiler()
	dir := s.Workspace
	if dir == "" {
		dir = s.Dir
	}
	if err == nil {
		// Cargo calls the compiler in the workspace's root, by its real path.
		if real, realErr := filepath.EvalSymlinks(dir); realErr == nil {
			dir = real
		}
		w.Compiler, err = rustc.Compiler(name, dir, os.Environ())
	}
	if err != nil {
		w.NoCompiler = err.Error()
	}
	if around != "" && !rustc.Drives(around) {
		w.Members = around + " runs around the compiler"
	}
	kept, err := a.warehouse(ctx)
	if err != nil {
		return w // no store, no calls
	}
	events := kept.Events()
	events = events[max(0, len(events)-lastCalls):]
	sum := warehouse.Sum(events)
	w.Last, w.Refused = len(events), sum.Calls[warehouse.Refused]
	for _, r := range sum.Reasons {
		if r.Kind == warehouse.Refused {
			w.Why = r.Reason
			break
		}
	}
	return w
}

func (w *wrapperAnswers) rows(tab *ui.Table) {
	switch {
	case w.NoCompiler != "":
		tab.Row("compiler", "calls are handed on: "+w.NoCompiler)
	case w.Compiler != "":
		tab.Row("compiler", w.Compiler)
	}
	if w.Members != "" {
		tab.Row("members", "calls for the workspace's packages are handed on: "+w.Members)
	}
	if w.Refused > 0 {
		tab.Row("last calls", fmt.Sprintf("%d of %d were handed on, most for: %s (see `cargo cow stats`)", w.Refused, w.Last, w.Why))
	}
}
