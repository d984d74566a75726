package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
)

func newShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show LAYER",
		Short: "Show a layer: where it came from and what is in it",
		Long: `Shows one layer: where it was built, what its dependency-set fingerprint was
made from, and its units. LAYER is an id or its first characters (4 or more), a
label, or latest.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.show(cmd.Context(), args[0]) },
	}
}

func (a *app) show(ctx context.Context, ref string) error {
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
	a.term.JSON("layer", struct {
		*layers.Record
		Ingredients []cargo.Ingredient `json:"ingredients"`
	}{rec, fp.Ingredients})
	tab := &ui.Table{}
	tab.Row("layer", rec.ID)
	for _, row := range [][2]string{
		{"label", rec.Label},
		{"created", rec.Created.Local().Format(time.DateTime)},
		{"parent", rec.Parent},
		{"origin", rec.Origin},
		{"commit", built(rec)},
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

	a.term.Println("")
	tab = ui.NewTable("PACKAGE", "TARGET", "KIND", "PROFILE", "SOURCE", "REBUILT ELSEWHERE")
	for i := range units {
		u := &units[i]
		a.term.JSON("unit", u)
		dirty := ""
		if u.Dirty != nil {
			dirty = fmt.Sprintf("%s: %s", u.Dirty.Rule, u.Dirty.Detail)
		}
		tab.Row(u.Package, u.Target, u.Kind, u.Profile, u.Source, dirty)
	}
	a.term.Table(tab)
	return nil
}
