package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/targets"
	"github.com/cargo-cow/cargo-cow/layers/dedupe"
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
		Args:    atLeastOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			var found []string
			for _, dir := range args {
				if !filepath.IsAbs(dir) {
					dir = filepath.Join(a.dir, dir)
				}
				if err := targets.Find(cmd.Context(), dir, func(t targets.Target) { found = append(found, t.Path) }); err != nil {
					return err
				}
			}
			told := int64(0)
			rep, err := dedupe.Run(cmd.Context(), found, func(done, of int64) {
				if percent := 100 * done / of; percent >= told+10 {
					told = percent
					a.term.Detail("Compared", "%d %% of %s", percent, phrase.Size(of))
				}
			})
			if errors.Is(err, dedupe.ErrCannotShare) {
				return &layers.HelpError{Err: err, Help: "keep target directories on Btrfs or XFS"}
			}
			if err != nil {
				return err
			}
			a.term.JSON("dedupe", struct {
				Targets int   `json:"targets"`
				Files   int   `json:"files"`
				Bytes   int64 `json:"bytes"`
				Shared  int64 `json:"shared"` // already
			}{len(found), rep.Files, rep.Bytes, rep.Shared})
			if len(found) == 0 {
				return exit.Usage(fmt.Errorf("share data: there is no target directory below %v", args))
			}
			a.term.Status("Shared", "%s of %s; %s were shared already", phrase.Size(rep.Bytes), phrase.Count(rep.Files, "file"), phrase.Size(rep.Shared))
			return nil
		},
	}
}
