package main

import (
	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/scan"
)

func newDedupe(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "dedupe DIRECTORY...",
		Short: "Have equal files in target directories share their data",
		Long: `Finds the target directories below the named ones, as scan does, and has equal files
in them share their data on the disk, on Btrfs and XFS. The kernel compares the files
itself before it does; content and times stay what they are, so cargo finds all as
fresh as it was, and may build meanwhile.

It reads all files of 4 kB and more that are as large as another one. Files of
several names are left alone. With --verbose, it tells how far it is.`,
		Example: `  cargo cow dedupe ~/src`,
		Args:    exit.AtLeastOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			var dirs []string
			for _, dir := range args {
				dirs = append(dirs, a.path(dir))
			}
			return scan.Dedupe(cmd.Context(), a.term, dirs)
		},
	}
}
