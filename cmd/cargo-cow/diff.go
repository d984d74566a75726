package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
)

type diffOptions struct {
	exitCode bool
}

func newDiff(a *app) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff [flags] A [B]",
		Short: "Say what makes two dependency-set fingerprints differ",
		Long: `Compares the dependency-set fingerprints of two layers, or of a layer and the
checkout: packages added, removed and changed, another toolchain, profiles,
flags, targets, linkers. A and B name layers as for "cargo cow show", or are a dot
for the checkout. If B is left out, it is the checkout.

A star marks what Cargo does not look at. Where that differs, no unit is taken
from the layer and units are rebuilt, although Cargo would call them fresh.`,
		Example: `  cargo cow diff latest       why is the newest layer not restored here?`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return exit.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			args = append(args, open.Here)
			return a.diff(cmd.Context(), args[0], args[1], o)
		},
	}
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with code 1 if they differ")
	return cmd
}

func (a *app) diff(ctx context.Context, refA, refB string, o diffOptions) error {
	s, err := a.session()
	if err != nil {
		return err
	}
	from, err := s.Fingerprinted(ctx, refA)
	if err != nil {
		return err
	}
	to, err := s.Fingerprinted(ctx, refB)
	if err != nil {
		return err
	}
	differences := from.Fingerprint.Diff(to.Fingerprint)
	tab := ui.NewTable("INGREDIENT", "", "DIFFERENCE")
	for i := range differences {
		d := &differences[i]
		a.term.JSON("difference", d)
		mark := ""
		if d.Unseen {
			mark = "*"
		}
		tab.Row(d.Ingredient, mark, inWords(d))
	}
	a.term.JSON("diff", struct {
		A           string `json:"a,omitempty"`
		B           string `json:"b,omitempty"`
		Equal       bool   `json:"equal"`
		Differences int    `json:"differences"`
	}{from.Layer, to.Layer, len(differences) == 0, len(differences)})
	if len(differences) == 0 {
		a.term.Println("%s and %s have the same fingerprint, %s", sideName(from), sideName(to), to.Fingerprint.ID)
		return nil
	}
	a.term.Table(tab)
	a.term.Status("Compared", "%s and %s: %s", sideName(from), sideName(to), phrase.Count(len(differences), "difference"))
	if o.exitCode {
		return exit.Silently(exit.Failed)
	}
	return nil
}

// sideName is what a side is called in a sentence.
func sideName(side *open.Fingerprinted) string {
	if side.Layer == "" {
		return "this checkout"
	}
	return phrase.ID(side.Layer)
}

// inWords says one difference in one line.
func inWords(d *depset.Difference) string {
	key, gap := "", ""
	if d.Key != "" {
		key, gap = d.Key, ": "
		if d.Ingredient == "packages" {
			gap = " "
		}
	}
	switch {
	case d.Ingredient == "packages" && d.Kind == depset.Added:
		return key + " " + d.New + " added"
	case d.Ingredient == "packages" && d.Kind == depset.Removed:
		return key + " " + d.Old + " removed"
	case d.Kind == depset.Added:
		return strings.TrimSpace(key+" added: ") + " " + d.New
	case d.Kind == depset.Removed:
		return strings.TrimSpace(key+" removed: ") + " " + d.Old
	case d.Old == d.New:
		return key + gap + d.New + ", but with other content"
	}
	return key + gap + d.Old + " -> " + d.New
}
