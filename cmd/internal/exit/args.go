package exit

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/layers"
)

// NoArgs makes any argument of a command a usage error, that says what was meant if it can.
func NoArgs(cmd *cobra.Command, args []string) error { return ExactArgs(0)(cmd, args) }

// ExactArgs makes any other number of arguments a usage error.
func ExactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > n && cmd.HasSubCommands():
			err := fmt.Errorf("run %s %s: no such command", cmd.CommandPath(), args[0])
			if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
				return Usage(&layers.HelpError{Err: err, Help: "did you mean `" + strings.Replace(cmd.CommandPath(), "-", " ", 1) + " " + like[0] + "`?"})
			}
			return Usage(err)
		case len(args) > n:
			err := fmt.Errorf("run %s: unexpected argument %q", cmd.CommandPath(), args[n])
			if cmd.Flags().Lookup("from") != nil { // which takes a layer
				return Usage(&layers.HelpError{Err: err, Help: "did you mean `" + strings.Replace(cmd.CommandPath(), "-", " ", 1) + " --from " + args[n] + "`?"})
			}
			return Usage(err)
		case len(args) < n:
			return Usage(fmt.Errorf("run %s: argument missing, want %s", cmd.CommandPath(), cmd.UseLine()))
		}
		return nil
	}
}

// AtMostOne makes it a usage error to name more than one thing.
func AtMostOne(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return ExactArgs(1)(cmd, args)
}

// AtLeastOne makes it a usage error to name nothing.
func AtLeastOne(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return ExactArgs(1)(cmd, args)
	}
	return nil
}
