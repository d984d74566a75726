package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/scan"
)

func newScan(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "scan [DIRECTORY]",
		Short: "Find cargo's target directories on the disk, and what they take",
		Long: `Finds all target directories below a directory, this one if none is named, whether
cargo cow has ever been used there or not: those of removed worktrees, of fuzzers and
of rust-analyzer, too. It needs no store, and changes nothing.

TOTAL is all data of one, FREES what becomes free when it alone is removed: on Btrfs
and XFS they may share data. Other disks below the directory are left out.`,
		Example: `  cargo cow scan ~/src`,
		Args:    exit.AtMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return scan.Show(cmd.Context(), a.term, a.path(dir), time.Now())
		},
	}
}
