package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/manual"
)

// newDocs is for this project's own use: it writes the pages of docs/cli.
func newDocs(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:    "docs DIR",
		Short:  "Write the command-line reference as Markdown",
		Hidden: true,
		Args:   exit.ExactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return manual.Write(root, args[0]) },
	}
}

// newShare is for hack/dist: it writes what is installed beside the programs.
func newShare(root *cobra.Command) *cobra.Command {
	var date string
	cmd := &cobra.Command{
		Use:    "share DIR",
		Short:  "Write man pages and completions",
		Hidden: true,
		Args:   exit.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			on, err := time.Parse(time.DateOnly, date)
			if err != nil {
				return exit.Usage(fmt.Errorf("read --date: %w", err))
			}
			return manual.Install(root, args[0], on)
		},
	}
	cmd.Flags().StringVar(&date, "date", "", "date the pages `YYYY-MM-DD`")
	return cmd
}
