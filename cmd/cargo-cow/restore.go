package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/byitself"
	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/postcheckout"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
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
	explain bool
	better  bool
	onlyNew string // the wrapper asks, before cargo makes a build directory
}

func newRestore(a *app) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Make the build directory from the layer that fits best",
		Long: `Replaces the build directory with a writable copy of a layer. Cargo rebuilds
whatever differs from where the layer was built; ` + "`cargo cow explain`" + ` lists it.
` + "`cargo cow undo`" + ` brings the previous build directory back.

Without --from, restore chooses among the layers with the same dependencies and
toolchain the one that saves most compiling; among equals that of the nearest
commit, then the newest. If no layer has the dependencies of this checkout, it
takes the layer that saves most work, and adds units which that layer lacks from
other layers, unless --no-graft is given.

With --if-better the build directory stays where no layer saves the next build more
work than it does as it is; ` + "`cargo cow status`" + ` says whether one does. --explain lists
the layers that restore chooses among. SAVES is what compiling took, added up, of all
that is fresh in a layer here; several are compiled at once, so builds become shorter
by less.

None of a new copy is in memory yet. With --warm, the files that the first build
after an edit will read are read ahead in the background, as long as nothing else
needs the disk, and until cargo starts.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.hook {
				return nil
			}
			return exit.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.hook {
				hook := postcheckout.Hook{Environ: a.environ, Term: a.term, Session: a.sessionIn}
				hook.Run(cmd.Context(), args)
				return nil
			}
			if o.onlyNew != "" {
				return byitself.New(cmd.Context(), a.environ, justintime.ParseCommand(o.onlyNew), a.sessionIn)
			}
			return a.restore(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "take `LAYER`: an id or its first characters, a label, or latest")
	f.BoolVar(&o.strict, "strict", false, "rebuild every unit that mentions the directory it was built in")
	f.BoolVar(&o.noWait, "no-wait", false, "fail with code 5 if cargo is building")
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "say what would be restored, and change nothing")
	f.BoolVar(&o.noGraft, "no-graft", false, "take nothing from layers other than the chosen one")
	f.BoolVar(&o.warm, "warm", false, "read ahead what the first build after an edit will read")
	f.BoolVar(&o.noWarm, "no-warm", false, "do not read ahead, whatever the configuration says")
	cmd.MarkFlagsMutuallyExclusive("warm", "no-warm")
	f.BoolVar(&o.explain, "explain", false, "say among which layers it chooses, and what each saves, and change nothing")
	f.BoolVar(&o.better, "if-better", false, "replace the build directory only if a layer saves the next build more than it does")
	cmd.MarkFlagsMutuallyExclusive("explain", "if-better", "from", "dry-run")
	cmd.MarkFlagsMutuallyExclusive("if-better", "no-graft")
	f.StringVar(&o.onlyNew, justintime.Flag, "", "")
	f.Lookup(justintime.Flag).Hidden = true
	f.Lookup(justintime.Flag).NoOptDefVal = justintime.Command{}.String() // a wrapper of an earlier version gives none
	f.BoolVar(&o.hook, "hook", false, "act as git's post-checkout hook, with git's arguments: never fail, and act only in a new worktree or, if that is switched on, when another commit was checked out")
	return cmd
}

func (a *app) restore(ctx context.Context, o restoreOptions) error {
	find := a.openUnresolved
	if o.dryRun || o.explain {
		find = a.open
	}
	p, err := find(ctx)
	if err != nil {
		return err
	}
	if o.explain {
		list, err := p.Store.Candidates(ctx, p.Checkout, layers.RestoreOptions{Strict: o.strict || p.Strict(), NoGraft: o.noGraft})
		if err != nil {
			return err
		}
		report.Candidates(a.term, list)
		return nil
	}
	if !o.dryRun {
		resolved, err := p.Resolve(ctx, false)
		if resolved {
			a.term.Status("Resolved", "the dependencies with cargo: there was no Cargo.lock")
		}
		if err != nil {
			return err
		}
		if err := p.HideUndo(report.UndoSeen(a.term)); err != nil {
			return err
		}
	}
	if p.IsAutomatic() && o.from == "" && !o.dryRun {
		byitself.SealSibling(ctx, a.environ, p, a.sessionIn)
	}
	if o.better {
		rep, err := p.Store.Switch(ctx, p.Checkout, layers.SwitchOptions{Richer: true, Strict: o.strict || p.Strict(), NoWait: o.noWait, Notify: a.term.Blocking})
		if err != nil {
			return err
		}
		report.Switch(a.term, rep)
		p.NoteBuilt()
		return nil
	}
	rep, err := p.Store.Restore(ctx, p.Checkout, layers.RestoreOptions{
		From: o.from, Strict: o.strict || p.Strict(), NoWait: o.noWait, DryRun: o.dryRun, NoGraft: o.noGraft, Notify: a.term.Blocking,
	})
	if err != nil {
		return err
	}
	report.Restore(a.term, rep, o.dryRun)
	if !o.dryRun {
		// What is restored serves without.
		if err := byitself.After(a.environ, p, !o.noWarm && (o.warm || p.Warm())); err != nil {
			a.term.Warn("%v", err)
		}
	}
	if remark := p.Remark(p.BuildDir()); remark != "" {
		a.term.Status("Note", "%s", remark)
	}
	return nil
}
