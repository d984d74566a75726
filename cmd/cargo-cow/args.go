package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/layers"
)

// noArgs and exactArgs make a wrong number of arguments a usage error.
func noArgs(cmd *cobra.Command, args []string) error { return exactArgs(0)(cmd, args) }

func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > n && cmd.HasSubCommands():
			err := fmt.Errorf("run %s %s: no such command", cmd.CommandPath(), args[0])
			if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
				return exit.Usage(&layers.HelpError{Err: err, Help: "did you mean `" + strings.Replace(cmd.CommandPath(), "-", " ", 1) + " " + like[0] + "`?"})
			}
			return exit.Usage(err)
		case len(args) > n:
			err := fmt.Errorf("run %s: unexpected argument %q", cmd.CommandPath(), args[n])
			if cmd.Flags().Lookup("from") != nil { // which takes a layer
				return exit.Usage(&layers.HelpError{Err: err, Help: "did you mean `" + strings.Replace(cmd.CommandPath(), "-", " ", 1) + " --from " + args[n] + "`?"})
			}
			return exit.Usage(err)
		case len(args) < n:
			return exit.Usage(fmt.Errorf("run %s: argument missing, want %s", cmd.CommandPath(), cmd.UseLine()))
		}
		return nil
	}
}

// atMostOne makes it a usage error to name more than one thing.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return exactArgs(1)(cmd, args)
}

// atLeastOne makes it a usage error to name nothing.
func atLeastOne(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return exactArgs(1)(cmd, args)
	}
	return nil
}

// crateName is how rustc calls a crate that the user may call by its package.
func crateName(name string) string { return strings.ReplaceAll(name, "-", "_") }
