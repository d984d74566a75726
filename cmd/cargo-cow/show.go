package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
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
			return exactArgs(1)(cmd, args)
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

	a.showContents(contents, o.all)
	a.showUnits(units, o.all)
	return nil
}

// showContents shows what a layer holds by package, and what it comes to.
func (a *app) showContents(c *layers.Contents, all bool) {
	a.term.Println("")
	tab := ui.NewTable("PACKAGE", "VERSION", "SOURCE", "UNITS", "COST", "SIZE")
	tab.OmitEmpty()
	shown := ui.Shown(len(c.Packages), all)
	var total struct {
		Packages    int   `json:"packages"`
		Units       int   `json:"units"`
		Cost        int64 `json:"cost_ms"`
		Size        int64 `json:"size"`
		Incremental int64 `json:"incremental_size"`
		Other       int64 `json:"other_size"`
	}
	for i := range c.Packages {
		p := &c.Packages[i]
		a.term.JSON("package", p)
		if i < shown {
			tab.Row(p.Name, p.Version, p.Source, strconv.Itoa(p.Units), phrase.Cost(p.Cost), phrase.Size(p.Size))
		}
		total.Units += p.Units
		total.Cost += p.Cost
		total.Size += p.Size
	}
	total.Packages, total.Incremental, total.Other = len(c.Packages), c.Incremental, c.Other
	a.term.JSON("contents", total)
	tab.More(len(c.Packages)-shown, "--all")
	tab.Row("all "+phrase.Count(total.Packages, "package"), "", "", strconv.Itoa(total.Units), phrase.Cost(total.Cost), phrase.Size(total.Size))
	if total.Incremental > 0 {
		tab.Row("incremental state", "", "", "", "", phrase.Size(total.Incremental))
	}
	tab.Row("other files", "", "", "", "", phrase.Size(total.Other))
	a.term.Table(tab)
}

func (a *app) showUnits(units []manifest.Listed, all bool) {
	if len(units) == 0 {
		return
	}
	a.term.Println("")
	tab := ui.NewTable("PACKAGE", "TARGET", "KIND", "PROFILE", "SOURCE", "REBUILT ELSEWHERE")
	tab.OmitEmpty()
	shown := ui.Shown(len(units), all)
	for i := range units {
		u := &units[i]
		a.term.JSON("unit", u)
		if i >= shown {
			continue
		}
		dirty := ""
		if u.Dirty != nil {
			dirty = fmt.Sprintf("%s: %s", u.Dirty.Rule, u.Dirty.Detail)
		}
		tab.Row(u.Package, u.Target, u.Kind, u.Profile, u.Source, dirty)
	}
	tab.More(len(units)-shown, "--all")
	a.term.Table(tab)
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
