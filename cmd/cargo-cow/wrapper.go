package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/cmd/internal/wrapperstate"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

func newWrapper(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wrapper",
		Short: "Switch the wrapper of rustc on and off",
		Long: `With the wrapper, what rustc keeps for incremental compilation also serves in a
restored build directory: the first edit there is compiled as quickly as where the
state came from. And a unit that was compiled before from the same inputs is taken
from the store's warehouse, in any checkout and any project. All other calls are
handed on unchanged.

The wrapper is switched on in Cargo's configuration, as build.rustc-wrapper. If
another wrapper is configured there, ours runs it for the calls that it hands on,
and disable puts it back. Switching the wrapper on or off causes no recompilation.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	sub := func(use, text, long string, do func(context.Context, *open.Session, wrapper.Level) error) *cobra.Command {
		var user, project bool
		c := &cobra.Command{Use: use, Short: text, Long: long, Args: exit.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			level := wrapper.User
			if user && project {
				return exit.Usage(errors.New("choose a file: give either --user or --project"))
			}
			s, err := a.session()
			if err != nil {
				return err
			}
			if project {
				level = wrapper.Project
			}
			return do(cmd.Context(), s, level)
		}}
		if use == "status" {
			return c
		}
		c.Flags().BoolVar(&user, "user", false, "in $CARGO_HOME/config.toml, for all projects (the default)")
		c.Flags().BoolVar(&project, "project", false, "in .cargo/config.toml of the workspace")
		return c
	}
	cmd.AddCommand(
		sub("enable", "Have cargo use the wrapper", `Has cargo use the wrapper. That is written to the user's configuration, which also
holds in worktrees that are made later, or with --project to the workspace's. The
workspace's file may be under git, and what is written is a path of this machine.

If there is no store yet, one is made where init would make it, beside the build
directories. Without a store the wrapper keeps nothing, and it does not make one
itself.

Everything else in the file stays as it is, comments, order and symlinks included.`, a.enableWrapper),
		sub("disable", "Have cargo work without the wrapper", `Has cargo work without the wrapper, as before enable. A wrapper that was configured
before is put back.`, a.disableWrapper),
		sub("status", "Say whether cargo uses the wrapper", `Says whether cargo uses the wrapper here, where that is configured, what else gets
in its way, and whether it can do its work on this machine: which compiler a call
would run, found out as a call does, and what became of the last calls.`, a.wrapperStatus),
	)
	return cmd
}

func (a *app) enableWrapper(ctx context.Context, session *open.Session, level wrapper.Level) error {
	s := session.Wrapper(ctx)
	program, err := wrapperstate.Program()
	if err != nil {
		return err
	}
	c, err := s.Enable(level, program)
	if err != nil {
		return wrapperstate.Help(err)
	}
	state, err := wrapperstate.Find(s)
	if err != nil {
		return err
	}
	// The wrapper itself makes none.
	store, named, err := session.PrepareStore(ctx)
	if err == nil && named {
		err = s.NoteStore(store)
	}
	if err != nil {
		a.term.Warn("compiled units will not be kept: %v", err)
	} else {
		state.Store = store
	}
	a.term.JSON("wrapper", state.JSON(c))
	switch {
	case c.Changed && c.Next != "":
		a.term.Status("Enabled", "the wrapper in %s, before %s", c.File, c.Next)
	case c.Changed:
		a.term.Status("Enabled", "the wrapper in %s", c.File)
	default:
		a.term.Status("Kept", "the wrapper: it is on already in %s", c.File)
	}
	state.Warn(a.term)
	if state.NoViews != nil {
		a.term.Warn("the wrapper can only hand calls on here: %v", state.NoViews)
	}
	return nil
}

func (a *app) disableWrapper(ctx context.Context, session *open.Session, level wrapper.Level) error {
	s := session.Wrapper(ctx)
	c, err := s.Disable(level)
	if err != nil {
		return wrapperstate.Help(err)
	}
	state, err := wrapperstate.Find(s)
	if err != nil {
		return err
	}
	a.term.JSON("wrapper", state.JSON(c))
	switch {
	case !c.Changed:
		a.term.Status("Kept", "%s: the wrapper is not on there", c.File)
	case c.Next != "":
		a.term.Status("Disabled", "the wrapper in %s, and put back %s", c.File, c.Next)
	default:
		a.term.Status("Disabled", "the wrapper in %s", c.File)
	}
	if c.Forgotten {
		a.term.Warn("another wrapper was configured in %s before, and the note of it is lost", c.File)
	}
	if first := state.First(); first.Ours {
		a.term.Warn("the wrapper is still on: %s", wrapperstate.Where(first))
	}
	return nil
}

func (a *app) wrapperStatus(ctx context.Context, session *open.Session, _ wrapper.Level) error {
	s := session.Wrapper(ctx)
	state, err := wrapperstate.Find(s)
	if err != nil {
		return err
	}
	if state.First().Ours {
		var events []warehouse.Event // no store, no calls
		if w, err := a.warehouse(ctx); err == nil {
			events = w.Events()
		}
		state.Answers = wrapperstate.FindAnswers(s, events)
	}
	a.term.JSON("wrapper", state.JSON(nil))
	tab := &ui.Table{}
	first := state.First()
	switch {
	case first.Ours:
		tab.Row("wrapper", "on, by "+wrapperstate.Where(first))
		tab.Row("program", first.Value)
		if first.Next != "" {
			tab.Row("chained", first.Next)
		}
	default:
		tab.Row("wrapper", "off")
		if first.Value != "" {
			tab.Row("", "cargo uses "+first.Value+", by "+wrapperstate.Where(first))
		}
	}
	if state.NoViews == nil {
		tab.Row("views", "possible")
	} else {
		tab.Row("views", "not possible: "+state.NoViews.Error())
	}
	if state.Failure != "" {
		tab.Row("here", "calls are handed on: "+state.Failure)
	}
	state.Answers.Rows(tab)
	a.term.Table(tab)
	state.Warn(a.term)
	return nil
}
