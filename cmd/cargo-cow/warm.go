package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/spawn"
	"github.com/cargo-cow/cargo-cow/layers/warm"
)

// warmTime is how long files are read ahead at most. What was not read by then
// lies on a slow or busy disk, and belongs to whoever keeps it busy.
const warmTime = time.Minute

// newWarm is what a restore leaves behind to read ahead.
func newWarm(a *app) *cobra.Command {
	background := false
	cmd := &cobra.Command{
		Use:    "warm BUILD-DIRECTORY",
		Short:  "Read ahead what the first build after an edit will read",
		Hidden: true,
		Args:   exit.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if background {
				return spawn.Warm(a.environ, dir)
			}
			return a.warm(cmd.Context(), dir)
		},
	}
	cmd.Flags().BoolVar(&background, "background", false, "return at once")
	return cmd
}

func (a *app) warm(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, warmTime)
	defer cancel()
	idle, free, err := warm.Idle(ctx, dir)
	if err != nil {
		return err
	}
	defer free()
	files, bytes, err := warm.Plan(dir)
	if err != nil {
		return err
	}
	rep := warm.Run(idle, files, warm.Memory{})
	a.term.JSON("warm", struct {
		Files   int      `json:"files"` // that there are
		Bytes   int64    `json:"bytes"`
		Read    int      `json:"read"` // whole files that were read
		ReadB   int64    `json:"read_bytes"`
		Because warm.Why `json:"because"`
	}{len(files), bytes, rep.Files, rep.Bytes, rep.Why})
	a.term.Status("Read", "%d of %d MB (%s)", rep.Bytes>>20, bytes>>20, rep.Why)
	return nil
}
