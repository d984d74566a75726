package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/targets"
)

func newAdopt(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "adopt DIRECTORY",
		Short: "Seal a target directory that is there already as a layer",
		Long: `Seals a target directory, as scan finds them, as a layer of the store of its project,
which is made if there is none: what init and snapshot do in the project. Cargo finds
everything there as fresh as it was.

The project must be there, and must build in that directory: a layer is compared with
the sources that it was built from.`,
		Example: `  cargo cow adopt ~/src/app/target`,
		Args:    exit.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.adopt(cmd.Context(), args[0]) },
	}
}

func (a *app) adopt(ctx context.Context, dir string) error {
	path := a.path(dir)
	if !targets.Is(path) {
		return exit.Usage(&layers.HelpError{Err: fmt.Errorf("adopt %s: cargo has not built there", dir), Help: "cargo cow scan"})
	}
	t := targets.Describe(path)
	if t.Gone {
		return exit.Usage(fmt.Errorf("adopt %s: its project is gone", dir))
	}
	s, err := a.sessionIn(t.Project)
	if err != nil {
		return err
	}
	checkout, err := s.Checkout(ctx)
	if err != nil {
		return err
	}
	if err := s.CheckBuildDir(checkout, path); err != nil {
		return err
	}
	err = s.InitStore(ctx, checkout, func(st *layers.Store) error {
		_, err := st.Init(ctx, checkout, a.term.Blocking)
		return err
	})
	if err != nil {
		return err
	}
	open.NoteBuilt(checkout)
	p, err := s.Open(ctx)
	if err != nil {
		return err
	}
	rep, err := p.Snapshot(ctx, layers.SnapshotOptions{Notify: a.term.Blocking})
	if errors.Is(err, layers.ErrNoTarget) {
		return exit.Usage(fmt.Errorf("adopt %s: %w", dir, err))
	}
	if err != nil {
		return err
	}
	report.Snapshot(a.term, rep)
	return nil
}
