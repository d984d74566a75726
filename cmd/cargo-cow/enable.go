package main

import (
	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/enabled"
	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
)

func newEnable(a *app) *cobra.Command {
	dryRun := false
	cmd := &cobra.Command{
		Use:   "enable",
		Short: "Have new checkouts warm by themselves, in all projects of this user",
		Long: `Once a machine, for this user, from any directory. Switches the wrapper on in the
user's Cargo configuration, before another one if one is set there; has stores made
where they are first needed, so that no project needs init; and installs completions
for the shell that $SHELL names: bash, fish or zsh.

All of it is done or, if something cannot be written, nothing. Completions alone do
not count: a file of somebody else's in their place stays. Everything else in Cargo's
configuration stays as it is, comments, order and symlinks included. No shell's
configuration is changed. ` + "`cargo cow disable`" + ` undoes all of it.`,
		Example: `  cargo cow enable --dry-run     which files would be touched, and how
  cargo cow enable`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.enabled(dryRun, func(c *enabled.Command) error { return c.Enable(cmd.Context(), cmd.Root()) })
		},
	}
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "say which files would be touched, and how, and touch none")
	return cmd
}

func newDisable(a *app) *cobra.Command {
	dryRun := false
	cmd := &cobra.Command{
		Use:   "disable",
		Short: "Undo what enable did, for all projects of this user",
		Long: `Undoes what ` + "`cargo cow enable`" + ` did: cargo runs rustc as before, by another wrapper
if one was set before ours; no store is made by itself; completions go unless they
were edited. All files are as they were, byte for byte, and directories that enable
made go if nothing else is in them. The wrapper goes off in the user's configuration
though it was ` + "`cargo cow wrapper enable`" + ` that switched it on.

Stores, their layers and build directories stay: ` + "`cargo cow store remove`" + ` in a project
removes its store. Wait for builds where another wrapper was set: what they run goes
with it.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.enabled(dryRun, (*enabled.Command).Disable) },
	}
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "say which files would be touched, and how, and touch none")
	return cmd
}

// enabled does one or the other for the user.
func (a *app) enabled(dryRun bool, do func(*enabled.Command) error) error {
	s, err := a.session()
	if err != nil {
		return err
	}
	return do(&enabled.Command{Term: a.term, Session: s, Environ: a.environ, DryRun: dryRun})
}
