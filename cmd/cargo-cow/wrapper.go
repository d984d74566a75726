package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

func newWrapper(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wrapper",
		Short: "Switch the wrapper of rustc on and off",
		Long: `With the wrapper, what rustc keeps for incremental compilation serves in a
restored build directory, too: the first edit there is compiled as quickly as
where the state came from. And a unit that was compiled before, from the same, is
taken from the store's warehouse, in whatever checkout or project it is needed. Every
other call is handed on as it is.

It is switched on in Cargo's configuration, as build.rustc-wrapper. A wrapper that
is configured there already is run by ours for all calls that ours hands on, and
is put back by disable. Switching on or off makes nothing to be compiled anew.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	sub := func(use, text, long string, do func(context.Context, *open.Session, wrapper.Level) error) *cobra.Command {
		var user, project bool
		c := &cobra.Command{Use: use, Short: text, Long: long, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			level := wrapper.User
			if user && project {
				return exit.Usage(errors.New("--user and --project name one file each"))
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
		sub("enable", "Have cargo use the wrapper", `Have cargo use the wrapper: by the user's configuration, which holds in worktrees
that are yet to be made, too, or with --project by the workspace's. That file may be
under git, and what is written there is a path of this machine.

Where there is no store yet, one is made: that which init would use here, beside the
build directories. Without one the wrapper would keep nothing, and a build is no
place to make it.

All else in the file stays as it is, comments, order and symlinks included.`, a.enableWrapper),
		sub("disable", "Have cargo go without the wrapper", `Have cargo go without the wrapper, as before enable. A wrapper that was there
before is put back.`, a.disableWrapper),
		sub("status", "Say whether cargo uses the wrapper", `Say whether cargo uses the wrapper here, where that is configured, what else gets
in its way, and whether it can do its work on this machine: which compiler a call
would run, found out as for a call, and what became of the last ones.`, a.wrapperStatus),
	)
	return cmd
}

func (a *app) enableWrapper(ctx context.Context, session *open.Session, level wrapper.Level) error {
	s := session.Wrapper(ctx)
	program, err := spawn.Beside(wrapper.Program)
	if err != nil {
		return &layers.HelpError{
			Err:  errors.New("enable wrapper: there is no " + wrapper.Program + " beside this program, nor in PATH"),
			Help: "install " + wrapper.Program + " where cargo-cow is",
		}
	}
	c, err := s.Enable(level, program)
	if err != nil {
		return wrapperHelp(err)
	}
	state, err := look(s)
	if err != nil {
		return err
	}
	// The wrapper itself makes none.
	store, named, err := session.PrepareStore(ctx)
	if err == nil && named {
		err = s.NoteStore(store)
	}
	if err != nil {
		a.term.Warn("units will not be kept by what they were compiled from: %v", err)
	} else {
		state.store = store
	}
	a.wrapperJSON(state, c)
	switch {
	case c.Changed && c.Next != "":
		a.term.Status("Enabled", "the wrapper in %s, before %s", c.File, c.Next)
	case c.Changed:
		a.term.Status("Enabled", "the wrapper in %s", c.File)
	default:
		a.term.Status("Kept", "the wrapper, which is on in %s", c.File)
	}
	a.warnOfWrapper(state)
	if state.views != nil {
		a.term.Warn("the wrapper can only hand calls on here: %v", state.views)
	}
	return nil
}

func (a *app) disableWrapper(ctx context.Context, session *open.Session, level wrapper.Level) error {
	s := session.Wrapper(ctx)
	c, err := s.Disable(level)
	if err != nil {
		return wrapperHelp(err)
	}
	state, err := look(s)
	if err != nil {
		return err
	}
	a.wrapperJSON(state, c)
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
	if first := state.first(); first.Ours {
		a.term.Warn("the wrapper is still on: %s", where(first))
	}
	return nil
}

func (a *app) wrapperStatus(ctx context.Context, session *open.Session, _ wrapper.Level) error {
	s := session.Wrapper(ctx)
	state, err := look(s)
	if err != nil {
		return err
	}
	if state.first().Ours {
		state.answers = a.wrapperAnswers(ctx, s)
	}
	a.wrapperJSON(state, nil)
	tab := &ui.Table{}
	first := state.first()
	switch {
	case first.Ours:
		tab.Row("wrapper", "on, by "+where(first))
		tab.Row("program", first.Value)
		if first.Next != "" {
			tab.Row("chained", first.Next)
		}
	default:
		tab.Row("wrapper", "off")
		if first.Value != "" {
			tab.Row("", "cargo uses "+first.Value+", by "+where(first))
		}
	}
	if state.views == nil {
		tab.Row("views", "possible")
	} else {
		tab.Row("views", "not possible: "+state.views.Error())
	}
	if state.failure != "" {
		tab.Row("here", "calls are handed on: "+state.failure)
	}
	state.answers.rows(tab)
	a.term.Table(tab)
	a.warnOfWrapper(state)
	return nil
}

// wrapperState is how the wrapper stands here.
type wrapperState struct {
	settings []wrapper.Setting // the one that cargo goes by first
	views    error             // why directories cannot be shown at other paths on this machine, which is how the wrapper works
	failure  string            // why calls were last handed on
	store    string            // where units are kept, as enable has found out
	answers  wrapperAnswers    // whether calls can be answered, as status has found out
}

func look(s *wrapper.Setup) (*wrapperState, error) {
	settings, err := s.Settings()
	if err != nil {
		return nil, err
	}
	return &wrapperState{settings: settings, views: alias.Probe(), failure: s.Failure()}, nil
}

func (w *wrapperState) first() *wrapper.Setting {
	if len(w.settings) == 0 {
		return &wrapper.Setting{}
	}
	return &w.settings[0]
}

// warnOfWrapper tells what keeps the wrapper from being used, with the remedy.
func (a *app) warnOfWrapper(state *wrapperState) {
	enabled := false
	for i := range state.settings {
		set := &state.settings[i]
		enabled = enabled || set.Ours
		if set.Ours && set.Missing {
			a.term.Warn("%s names %s, which is not there: cargo cannot build (run `cargo cow wrapper enable`)", where(set), set.Value)
		}
	}
	if first := state.first(); enabled && !first.Ours {
		a.term.Warn("the wrapper is not used: %s goes before it (%s)", where(first), remedy(first))
	}
}

// where names the variable or file of a setting.
func where(s *wrapper.Setting) string {
	if s.Variable != "" {
		return s.Variable + " in the environment"
	}
	return s.In
}

// remedy is how our wrapper comes before a setting of another.
func remedy(s *wrapper.Setting) string {
	switch {
	case s.Variable != "" && s.Value == "":
		return "unset it"
	case s.Variable != "":
		return "unset it; to have both, name " + s.Value + " in Cargo's configuration, then run `cargo cow wrapper enable`"
	case s.Value == "":
		return "remove the key there"
	}
	return "run `cargo cow wrapper enable --project`, or remove the key there"
}

// wrapperJSON is the line of all three commands; c is nil for status.
func (a *app) wrapperJSON(state *wrapperState, c *wrapper.Change) {
	type setting struct {
		Variable string `json:"variable,omitempty"`
		File     string `json:"file,omitempty"`
		Program  string `json:"program"`
		Ours     bool   `json:"ours"`
		Chained  string `json:"chained,omitempty"`
		Missing  bool   `json:"missing,omitempty"`
	}
	line := struct {
		Enabled  bool      `json:"enabled"` // cargo goes by it here
		Program  string    `json:"program,omitempty"`
		Chained  string    `json:"chained,omitempty"`
		Settings []setting `json:"settings"` // what cargo goes by first, and what that hides
		Remedy   string    `json:"remedy,omitempty"`
		Views    bool      `json:"views"` // directories can be shown at other paths
		NoViews  string    `json:"no_views,omitempty"`
		Failure  string    `json:"failure,omitempty"` // why calls were last handed on in this build directory
		File     string    `json:"file,omitempty"`    // the one that enable or disable was about
		Changed  bool      `json:"changed,omitempty"`
		Store    string    `json:"store,omitempty"` // that enable has found or made
		wrapperAnswers
	}{Settings: []setting{}, Failure: state.failure, Store: state.store, wrapperAnswers: state.answers}
	first := state.first()
	for i, set := range state.settings {
		line.Settings = append(line.Settings, setting{set.Variable, set.In, set.Value, set.Ours, set.Next, set.Missing})
		if i > 0 && set.Ours && !first.Ours {
			line.Remedy = remedy(first)
		}
	}
	if first.Ours {
		line.Enabled, line.Program, line.Chained = true, first.Value, first.Next
	}
	if line.Views = state.views == nil; !line.Views {
		line.NoViews = state.views.Error()
	}
	if c != nil {
		line.File, line.Changed = c.File, c.Changed
	}
	a.term.JSON("wrapper", line)
}

// wrapperHelp adds what the user can do about a file that cannot be changed.
func wrapperHelp(err error) error {
	var we *wrapper.WriteError
	switch {
	case errors.As(err, &we) && we.Value != "":
		return &layers.HelpError{Err: err, Help: "set build.rustc-wrapper = " + we.Value + " by hand"}
	case errors.As(err, &we):
		return &layers.HelpError{Err: err, Help: "remove build.rustc-wrapper by hand"}
	}
	return err
}
