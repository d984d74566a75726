package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/byitself"
	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/autoprune"
	"github.com/cargo-cow/cargo-cow/layers/background"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/unasked"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the build directory, its store, and what cargo would rebuild",
		Long: `Shows where the build directory and the store are, what the build directory was
made from, how many of its units are fresh, what was done here by itself before
cargo first built, whether the last snapshot in the background failed, and what was
last removed without being asked for.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), time.Now()) },
	}
}

func (a *app) status(ctx context.Context, now time.Time) error {
	p, err := a.openUnresolved(ctx)
	if err != nil {
		return err
	}
	st, err := p.Store.Status(ctx, p.Checkout)
	if err != nil {
		return err
	}
	last, err := background.ReadState(st.Store, st.BuildDir)
	if err != nil {
		return fmt.Errorf("see how the last snapshot went: %w", err)
	}
	remark := p.Remark(st.BuildDir)
	unused := handoff.Unavailable(st.BuildDir)
	pruned := autoprune.Last(st.Store)
	done := unasked.Read(st.Store, st.BuildDir)
	// What is wrong with a layer is told where it is to be restored.
	better, more, _ := p.Store.Better(ctx, p.Checkout, p.Strict())
	a.term.JSON("status", struct {
		*layers.Status
		Sealing bool   `json:"sealing"` // a snapshot is under way in the background
		Failure string `json:"snapshot_failure,omitempty"`
		Remark  string `json:"remark,omitempty"`
		// Unused is why the wrapper last compiled without rustc's state.
		Unused string `json:"wrapper_unused,omitempty"`
		// Pruned is what came of the last prune that nobody asked for.
		Pruned *autoprune.Result `json:"pruned,omitempty"`
		// Unasked is what was done here before cargo first built.
		Unasked *unasked.Outcome `json:"by_itself,omitempty"`
		// Better is a layer that saves the next build more.
		Better *layers.Record `json:"better,omitempty"`
		More   int64          `json:"better_by_ms,omitempty"`
	}{st, last.Running, last.Failure, remark, unused, pruned, done, better, more})

	tab := &ui.Table{}
	tab.Row("build directory", st.BuildDir+buildDirNote(st))
	tab.Row("store", fmt.Sprintf("%s (%s)", st.Store, st.Driver))
	if remark != "" {
		tab.Row("", remark)
	}
	if p.Store.Driver().Caps().EnforcesSeal {
		tab.Row("", "`cargo cow store remove` removes it")
	}
	layersRows(tab, st)
	unitsRows(tab, st, now)
	if better != nil {
		tab.Row("better", fmt.Sprintf("%s saves %s more: `cargo cow restore --if-better`", phrase.ID(better.ID), phrase.Cost(more)))
	}
	if done != nil {
		tab.Row("by itself", byitself.Words(done, now))
	}
	if unused != "" {
		tab.Row("wrapper", "last handed a call on unchanged: "+unused)
	}
	leftRows(tab, st)
	if last.Running {
		tab.Row("snapshot", "under way")
	}
	if pruned != nil {
		tab.Row("pruned", pruning.Words(pruned, now))
	}
	a.term.Table(tab)
	if last.Failure != "" {
		a.term.Warn("the last snapshot in the background failed: %s", last.Failure)
	}
	return nil
}

func buildDirNote(st *layers.Status) string {
	switch {
	case st.RolledBack:
		return " (a roll-back has left only its name: `cargo cow restore` or `cargo cow init` makes it again)"
	case !st.Exists:
		return " (not there)"
	case !st.Tree:
		return " (not a tree: `cargo cow init` makes it one)"
	}
	return ""
}

// layersRows says what layers there are, and whether more can be made.
func layersRows(tab *ui.Table, st *layers.Status) {
	if st.ReadOnly {
		tab.Row("", "read-only here: layers can be restored, but none can be made")
	}
	if st.Unresolved {
		tab.Row("layers", fmt.Sprintf("%d; there is no Cargo.lock yet, which would tell how many have the dependencies of this checkout", st.Layers))
	} else {
		tab.Row("layers", fmt.Sprintf("%d, %d with the dependencies of this checkout", st.Layers, st.Matching))
	}
	if st.Lost > 0 {
		tab.Row("", fmt.Sprintf("a roll-back of the subvolume around the store removed %s: `cargo cow check --repair` forgets them", phrase.Count(st.Lost, "layer")))
	}
}

// unitsRows says what the build directory was made from, and what is fresh in it.
func unitsRows(tab *ui.Table, st *layers.Status, now time.Time) {
	if st.Parent != "" {
		tab.Row("made from", phrase.ID(st.Parent))
	}
	if !st.Restored.IsZero() {
		tab.Row("restored", phrase.Ago(st.Restored, now))
	}
	if st.Unreadable != "" {
		tab.Row("units", st.Unreadable)
	} else if st.Exists {
		tab.Row("units", fmt.Sprintf("%d fresh, %d to be rebuilt", st.Fresh, st.Dirty))
	}
	if st.Irreproducible > 0 {
		tab.Row("", fmt.Sprintf("%d of them were built by a cargo whose fingerprints this program cannot compute:", st.Irreproducible))
		tab.Row("", "in another checkout cargo rebuilds some of them although nothing differs")
	}
}

// leftRows says what lies beside the build directory, and what in it is another user's.
func leftRows(tab *ui.Table, st *layers.Status) {
	if st.Undo {
		tab.Row("undo", "the build directory from before the last restore is kept")
	}
	for _, dir := range st.Foreign {
		tab.Row("not yours", dir+" ("+foreign.Help(dir)+")")
	}
	for _, dir := range st.Undeletable {
		tab.Row("left over", dir+" holds files of another user (sudo rm -rf "+paths.ShellWord(dir)+")")
	}
}
