package main

import (
	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/manual"
)

// newDocs is for this project's own use: it writes the pages of docs/cli.
func newDocs(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:    "docs DIR",
		Short:  "Write the command-line reference as Markdown",
		Hidden: true,
		Args:   exactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return manual.Write(root, args[0]) },
	}
}
