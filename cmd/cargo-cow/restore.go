package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/git"
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
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be restored, change nothing")
	f.BoolVar(&o.noGraft, "no-graft", false, "take nothing from other layers than the one that is chosen")
	f.BoolVar(&o.warm, "warm", false, "read ahead what the first build after an edit will read")
	f.BoolVar(&o.noWarm, "no-warm", false, "do not, whatever the configuration says")
	cmd.MarkFlagsMutuallyExclusive("warm", "no-warm")
	f.BoolVar(&o.hook, "hook", false, "act as git's post-checkout hook, whose arguments follow: never fail, and do nothing but in a new worktree or, where that is switched on, when another commit was checked out")
	return cmd
}

func (a *app) restore(ctx context.Context, o restoreOptions) error {
	w, err := a.open(ctx)
	if err != nil {
		return err
	}
	if !o.dryRun {
		if err := open.Hide(w.place); err != nil {
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
		a.term.Status("Rebuild", "%s will be compiled anew, see `cargo cow explain`", count(n, "unit"))
	}
	for i := range rep.Rebuild {
		rule, detail := because(&rep.Rebuild[i])
		a.term.Detail("Rebuild", "%s: %s: %s", unitLine(rep.Rebuild[i].UnitName), rule, detail)
	}
}

func restored(rep *layers.RestoreReport) string {
	return fmt.Sprintf("%s from %s (%s)", count(rep.Kept, "unit"), short(rep.ID), from(&rep.Record))
}

// restoreFromHook gives a new worktree its build directories, and makes those of
// an old one follow what is checked out. A checkout never fails for our sake, so errors end here, as one line each.
func (a *app) restoreFromHook(ctx context.Context, args []string) {
	isNew := newWorktree(args)
	if !isNew && !switched(args) || slices.Contains(a.environ, git.HookOff) {
		return
	}
	s, err := a.session()
	switch {
	case err != nil:
	case isNew:
		err = a.restoreWorktree(ctx, s)
	default:
		err = a.followCheckout(ctx, s, args[0], args[1])
	}
	if err != nil {
		a.hookFailed(err)
	}
}

// newWorktree reads the arguments of git's post-checkout hook: the previous
// HEAD, the new one, and 1 unless single files were checked out. The null id as
// the previous HEAD means that there was none. No arguments: asked for by hand.
func newWorktree(args []string) bool {
	if len(args) == 0 {
		return true
	}
	return len(args) == 3 && strings.Trim(args[0], "0") == "" && args[2] == "1"
}

func (a *app) restoreWorktree(ctx context.Context, s *open.Session) error {
	repo, err := s.Repository(ctx)
	if errors.Is(err, git.ErrNotRepository) || errors.Is(err, git.ErrNoGit) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.inWorkspaces(repo, func(dir string) error { return a.restoreWorkspace(ctx, dir) })
}

// inWorkspaces does something in every workspace that init was run in. What fails
// in one is said, and does not keep the others from it.
func (a *app) inWorkspaces(repo *git.Checkout, do func(dir string) error) error {
	m, err := open.ReadMemory(repo)
	if err != nil {
		return err
	}
	for _, ws := range m.Workspaces {
		dir := filepath.Join(repo.Root, ws)
		if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err != nil {
			continue // not in this commit
		}
		if err := do(dir); err != nil {
			a.hookFailed(err)
		}
	}
	return nil
}

func (a *app) restoreWorkspace(ctx context.Context, dir string) error {
	here := *a
	here.dir = dir
	w, err := here.open(ctx)
	if err != nil {
		return err
	}
	// Shared by all worktrees, or made by another hook: it is not ours to replace.
	if _, err := os.Lstat(w.place.Workspace.BuildDir); !errors.Is(err, fs.ErrNotExist) {
		if stub, stubErr := driver.IsStub(w.place.Workspace.BuildDir); !stub || stubErr != nil {
			return err
		}
	}
	rep, err := w.store.Restore(ctx, w.place, layers.RestoreOptions{Strict: w.Strict(), NoWait: true})
	if errors.Is(err, layers.ErrNoLayer) {
		return nil // a cold start is no failure, and not worth a line at every checkout
	}
	if err != nil {
		return err
	}
	a.reportWarmed(rep)
	if w.Warm() {
		return a.startWarm(w.place.Workspace.BuildDir)
	}
	return nil
}

// reportWarmed is the one line that a restore is worth amid git's output.
func (a *app) reportWarmed(rep *layers.RestoreReport) {
	text := restored(rep)
	if n := len(rep.Rebuild); n > 0 {
		text += fmt.Sprintf(", %d to be compiled anew", n)
	}
	a.term.Status("Restored", "%s", text)
}

func (a *app) hookFailed(err error) {
	if errors.Is(err, layers.ErrRolledBack) {
		return // a cold start, like any without a layer; status tells of it
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if h := help(err); h != "" {
		line += " (" + h + ")"
	}
	a.term.HookLine(line)
}
