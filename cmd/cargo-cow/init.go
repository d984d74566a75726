package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pooling"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/layers"
)

type initOptions struct {
	dir  string // "" is what cargo says
	hook bool
}

func newInit(a *app) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Prepare the build directory and the store",
		Long: `Makes the build directory a tree that can be snapshotted (on Btrfs, a
subvolume), makes the store, and records it in the repository. What was built
before is kept; cargo recompiles nothing. DIR, if given, must be the directory
that cargo builds into. Running init again changes nothing.

A repository has one store on each file system that its working trees build on:
run init once on each. With --store, all its working trees use that store from
then on, where it can serve them. If something cannot be written, for example in
a sandbox, init says so before it changes anything.`,
		Args: exit.AtMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.dir = args[0]
			}
			return a.init(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.hook, "hook", false, "install the git hook too, see \"cargo cow hook\"")
	return cmd
}

func (a *app) init(ctx context.Context, o initOptions) error {
	s, err := a.session()
	if err != nil {
		return err
	}
	checkout, err := s.Unresolved(ctx)
	if err != nil {
		return err
	}
	if o.dir != "" {
		if err := s.CheckBuildDir(checkout, o.dir); err != nil {
			return err
		}
	}
	var rep *layers.InitReport
	err = s.InitStore(ctx, checkout, func(st *layers.Store) (err error) {
		rep, err = st.Init(ctx, checkout, a.term.Blocking)
		return err
	})
	if err != nil {
		return err
	}
	open.NoteBuilt(checkout)
	a.term.JSON("init", rep)
	switch {
	case rep.Already:
		a.term.Status("Unchanged", "%s (%s, store %s)", rep.BuildDir, rep.Driver, rep.Store)
	case rep.TakenOver:
		a.term.Status("Initialized", "%s, with what was built in it (%s, store %s)", rep.BuildDir, rep.Driver, rep.Store)
	default:
		a.term.Status("Initialized", "%s (%s, store %s)", rep.BuildDir, rep.Driver, rep.Store)
	}
	report.Uncopied(a.term, rep.Uncopied)
	if remark := s.Remark(rep.BuildDir); remark != "" {
		a.term.Status("Note", "%s", remark)
	}
	if rep.Driver == "copy" && !rep.Already {
		a.term.Status("Note", "%s", pooling.Offer(a.environ))
	}
	if !o.hook {
		return nil
	}
	if checkout.Git == nil {
		return exit.Partly(&layers.HelpError{Err: errors.New("install hook: not in a git checkout"), Help: "run `git init`, then `cargo cow hook install`"})
	}
	if err := a.installHook(ctx, checkout.Git, false); err != nil {
		return exit.Partly(err)
	}
	return nil
}
