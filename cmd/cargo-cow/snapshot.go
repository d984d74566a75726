package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/pruning"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/background"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

type snapshotOptions struct {
	label      string
	into       string
	noWait     bool
	background bool // started by run: leave an account for status instead of talking
}

func newSnapshot(a *app) *cobra.Command {
	var o snapshotOptions
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Seal the build directory as a layer",
		Long: `Seals the build directory as a read-only layer that a restore can start from. It
takes cargo's own locks, so it waits while cargo builds. If nothing was built
since the last layer, that layer is kept.

With --into, the registry and git packages that were compiled here and that LAYER
lacks are added to it. The result is a new layer with the sources and the label of
LAYER; whatever would have started from LAYER starts from the new one.`,
		Args: exit.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := record.CheckLabel(o.label); err != nil {
				return exit.Usage(err)
			}
			if o.background {
				return a.snapshotInBackground(cmd.Context(), o)
			}
			return a.snapshot(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.label, "label", "", "give the layer the name `LABEL`")
	f.StringVar(&o.into, "into", "", "also add what was compiled here to `LAYER`, as a new layer with its label and sources")
	f.BoolVar(&o.noWait, "no-wait", false, "fail with code 5 if cargo is building")
	f.BoolVar(&o.background, "background", false, "")
	f.Lookup("background").Hidden = true
	return cmd
}

func (a *app) snapshot(ctx context.Context, o snapshotOptions) error {
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	rep, err := p.Snapshot(ctx, layers.SnapshotOptions{Label: o.label, NoWait: o.noWait, Notify: a.term.Blocking})
	if err != nil {
		return err
	}
	report.Snapshot(a.term, rep)
	defer pruning.Begin(a.environ, p.Session, p.Store)
	if o.into == "" {
		return nil
	}
	ext, err := p.Store.Extend(ctx, p.Checkout, o.into, rep.ID)
	if err != nil {
		return err
	}
	a.reportExtend(ext)
	return nil
}

// snapshotInBackground takes a snapshot, and leaves an account instead of talking.
func (a *app) snapshotInBackground(ctx context.Context, o snapshotOptions) error {
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	account, err := background.Begin(ctx, p.Store.Dir(), p.BuildDir(), time.Now())
	if err != nil {
		return err
	}
	_, err = p.Store.Snapshot(ctx, p.Checkout, layers.SnapshotOptions{Label: o.label})
	if err == nil {
		p.NoteBuilt()
	}
	pruning.Begin(a.environ, p.Session, p.Store)
	return errors.Join(err, account.End(err))
}

func (a *app) reportExtend(ext *layers.ExtendReport) {
	a.term.JSON("extend", struct {
		Layer   string `json:"layer"`
		Created bool   `json:"created"`
		Label   string `json:"label"`
		Parent  string `json:"parent"`
		report.GraftJSON
	}{ext.ID, ext.CreatedNew, ext.Label, ext.Parent, report.NewGraftJSON(ext.Grafted)})
	if !ext.CreatedNew {
		a.term.Status("Unchanged", "%s: it has everything that could be added", phrase.ID(ext.ID))
		return
	}
	a.term.Status("Extended", "%s by %s: %s", phrase.ID(ext.Parent), phrase.Count(len(ext.Grafted.Units), "unit"), phrase.ID(ext.ID))
}
