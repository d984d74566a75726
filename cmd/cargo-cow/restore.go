package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/layers"
)

type restoreOptions struct {
	from   string
	strict bool
	noWait bool
	dryRun bool
	hook   bool

	noGraft bool
	warm    bool
	noWarm  bool
}

func newRestore(a *app) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Make the build directory from the layer that fits best",
		Long: `Puts a writable copy of a layer in place of the build directory. Everything
that is not the same here as where it was built is made to be rebuilt by cargo;
see it with ` + "`cargo cow explain`" + `. The build directory as it was before can be
brought back with ` + "`cargo cow undo`" + `.

Without --from the layer is chosen: same dependencies and toolchain, most
equal sources, nearest commit. Where no layer has the dependencies of this
checkout, it is the one that saves most of its work; what that lacks is taken
from other layers, unless --no-graft is given.

A new copy has nothing in memory yet. With --warm the files that the first build
after an edit will read are read ahead in the background, while nothing else
wants the disk and until cargo is started.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.hook {
				return nil
			}
			return noArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.hook {
				a.restoreFromHook(cmd.Context(), args)
				return nil
			}
			return a.restore(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "take `LAYER`: an id or its first characters, a label, or latest")
	f.BoolVar(&o.strict, "strict", false, "rebuild every unit that mentions the place it was built in")
	f.BoolVar(&o.noWait, "no-wait", false, "fail with code 5 when cargo is building")
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "say what would be restored, change nothing")
	f.BoolVar(&o.noGraft, "no-graft", false, "take nothing from other layers than the one that is chosen")
	f.BoolVar(&o.warm, "warm", false, "read ahead what the first build after an edit will read")
	f.BoolVar(&o.noWarm, "no-warm", false, "do not, whatever the configuration says")
	cmd.MarkFlagsMutuallyExclusive("warm", "no-warm")
	f.BoolVar(&o.hook, "hook", false, "act as git's post-checkout hook, whose arguments follow: never fail, and do nothing but in a new worktree or, where that is switched on, when another commit was checked out")
	return cmd
}

func (a *app) restore(ctx context.Context, o restoreOptions) error {
	open := a.openUnresolved
	if o.dryRun {
		open = a.open
	}
	w, err := open(ctx)
	if err != nil {
		return err
	}
	if !o.dryRun {
		if err := a.resolve(ctx, w, false); err != nil {
			return err
		}
		if err := a.hide(w.place); err != nil {
			return err
		}
	}
	rep, err := w.store.Restore(ctx, w.place, layers.RestoreOptions{
		From: o.from, Strict: o.strict || w.Strict(), NoWait: o.noWait, DryRun: o.dryRun, NoGraft: o.noGraft, Notify: a.term.Blocking,
	})
	if err != nil {
		return err
	}
	a.reportRestore(rep, o.dryRun)
	if !o.dryRun {
		w.noteBuilt()
	}
	if !o.dryRun && !o.noWarm && (o.warm || w.Warm()) {
		// What is restored serves without.
		if err := a.startWarm(w.place.Workspace.BuildDir); err != nil {
			a.term.Warn("%v", err)
		}
	}
	if remark := w.Remark(w.place.Workspace.BuildDir); remark != "" {
		a.term.Status("Note", "%s", remark)
	}
	return nil
}

// hide keeps git from seeing what is kept for undo. In a sandbox where the repository
// cannot be written to, git sees it, which is no reason to build anew.
func (a *app) hide(p *layers.Checkout) error {
	err := open.Hide(p)
	if layers.IsReadOnly(err) {
		a.term.Detail("Note", "git sees what is kept for undo: %v", err)
		return nil
	}
	return err
}

func (a *app) reportRestore(rep *layers.RestoreReport, dryRun bool) {
	for i := range rep.Rebuild {
		a.verdictJSON(&rep.Rebuild[i])
	}
	a.term.JSON("restore", struct {
		layers.Record
		Kept       int  `json:"kept"`
		Rebuild    int  `json:"rebuild"`
		Retagged   int  `json:"retagged"`
		SameCommit bool `json:"same_commit"`
		Undo       bool `json:"undo"` // what was there before can be brought back
		DryRun     bool `json:"dry_run,omitempty"`
		graftJSON
	}{rep.Record, rep.Kept, len(rep.Rebuild), rep.Retagged, rep.SameCommit, rep.Undo, dryRun, newGraftJSON(rep.Grafted)})

	if dryRun {
		a.term.Status("Would", "restore %s", restored(rep))
	} else {
		a.term.Status("Restored", "%s", restored(rep))
	}
	a.reportGraft(rep.Grafted)
	for _, dir := range rep.Undeletable {
		a.term.Warn("cannot remove %s: it holds files of another user (sudo rm -rf %s)", dir, dir)
	}
	if n := len(rep.Rebuild); n > 0 && !a.term.Verbose() {
		a.term.Status("Rebuild", "%s, see `cargo cow explain`", count(n, "unit"))
	}
	for i := range rep.Rebuild {
		rule, detail := because(&rep.Rebuild[i])
		a.term.Detail("Rebuild", "%s: %s: %s", unitLine(rep.Rebuild[i].UnitName), rule, detail)
	}
}

func restored(rep *layers.RestoreReport) string {
	return fmt.Sprintf("%s from %s (%s)", count(rep.Kept, "unit"), short(rep.ID), from(&rep.Record))
}
