package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/report"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
)

type showOptions struct {
	fingerprint bool
	all         bool
}

func newShow(a *app) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show [flags] LAYER",
		Short: "Show a layer: where it came from and what is in it",
		Long: `Shows one layer: where it was built, what its dependency-set fingerprint was
made from, the packages it holds, and the units that can differ elsewhere.
LAYER is an id or its first characters (4 or more), a label, or latest.

COST is the time that building the units of a package took, added up; cargo
builds several at once. It is - where that was not measured, as in layers made by
earlier versions. SIZE is the length of the units' files. Layers share most of
their data with each other and with build directories, so a layer takes less
space on disk than its size, and removing it frees less.

With --fingerprint, shows only the fingerprint, with a digest of each long
ingredient; with --verbose, prints those in full: packages, profiles, flags.
LAYER can then be left out, or be a dot, to mean the checkout. "cargo cow diff"
compares two.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.fingerprint && len(args) == 0 {
				return nil
			}
			return exit.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.fingerprint {
				return a.showFingerprint(cmd.Context(), append(args, open.Here)[0])
			}
			return a.show(cmd.Context(), args[0], o)
		},
	}
	cmd.Flags().BoolVar(&o.all, "all", false, "show all packages and units, not only the first 20 of each")
	cmd.Flags().BoolVar(&o.fingerprint, "fingerprint", false, "show every ingredient of the dependency-set fingerprint, and nothing else")
	return cmd
}

func (a *app) show(ctx context.Context, ref string, o showOptions) error {
	st, err := a.anyStore(ctx)
	if err != nil {
		return err
	}
	rec, err := st.Layer(ctx, ref)
	if err != nil {
		return err
	}
	rec, fp, units, err := st.Show(ctx, rec.ID)
	if err != nil {
		return err
	}
	contents, err := st.Contents(ctx, rec.ID)
	if err != nil {
		return err
	}
	a.term.JSON("layer", struct {
		*layers.Record
		Ingredients []depset.Ingredient `json:"ingredients"`
	}{rec, fp.Ingredients})
	tab := &ui.Table{}
	tab.Row("layer", rec.ID)
	for _, row := range [][2]string{
		{"label", phrase.Label(rec)},
		{"created", rec.Created.Local().Format(time.DateTime)},
		{"parent", rec.Parent},
		{"origin", rec.Origin},
		{"commit", phrase.Commit(rec)},
		{"rustc", rec.Rustc},
		{"layout", rec.Layout},
		{"profiles", strings.Join(rec.Profiles, ", ")},
		{"fingerprint", rec.Fingerprint},
	} {
		if row[1] != "" {
			tab.Row(row[0], row[1])
		}
	}
	for _, i := range fp.Ingredients {
		tab.Row("  "+i.Name, i.Value)
	}
	a.term.Table(tab)

	report.Contents(a.term, contents, o.all)
	report.Listed(a.term, units, o.all)
	return nil
}

func (a *app) showFingerprint(ctx context.Context, ref string) error {
	session, err := a.session()
	if err != nil {
		return err
	}
	s, err := session.Fingerprinted(ctx, ref)
	if err != nil {
		return err
	}
	a.term.JSON("fingerprint", struct {
		Layer       string              `json:"layer,omitempty"`
		Fingerprint string              `json:"fingerprint"`
		Ingredients []depset.Ingredient `json:"ingredients"`
	}{s.Layer, s.Fingerprint.ID, s.Fingerprint.Ingredients})
	tab := ui.NewTable("INGREDIENT", "DIGEST", "VALUE")
	for _, i := range s.Fingerprint.Ingredients {
		tab.Row(i.Name, phrase.ID(i.Digest), i.Value)
		if a.term.Verbose() {
			for _, line := range i.Lines {
				tab.Row("", "", line)
			}
		}
	}
	a.term.Println("fingerprint %s", s.Fingerprint.ID)
	a.term.Table(tab)
	return nil
}
