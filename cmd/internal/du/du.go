// Package du shows what takes room on the disk of a store, what of it is shared, and what removing it would
// free. It keeps nothing, and a call depends on no other.
package du

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
)

// Options say what is shown.
type Options struct {
	Names []string // of layers and build directories; all if there are none
	Dir   string   // that names are relative to; "": the working directory
	Known []string // build directories of which the caller knows
	By    string   // one of Groups; "" for single trees
}

// Show shows what takes room on the disk of a store.
func Show(ctx context.Context, term *ui.Terminal, st *layers.Store, o Options, now time.Time) error {
	names := o.Names
	found := st.BuildDirs(ctx, o.Known...)
	uses, err := st.LayerUses(ctx, found)
	if err != nil {
		return err
	}
	layerOf := map[string]*layers.LayerUse{}
	for i := range uses {
		layerOf[uses[i].ID] = &uses[i]
	}
	v, err := st.Survey(ctx, found)
	if err != nil {
		return err
	}
	if o.By != "" {
		return showGroups(term, v, layerOf, o.By, names)
	}
	order, chosen, own := []int{}, map[int]bool{}, v.Own()
	for _, name := range names {
		i, err := findHolding(ctx, st, v, o.Dir, name)
		if err != nil {
			return err
		}
		chosen[i] = true
	}
	for i := range v.Holdings {
		if len(names) == 0 && own[i] || chosen[i] {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(v.Holdings[j].Alone, v.Holdings[i].Alone) })
	tab := newTable()
	shown := ui.Shown(len(order), term.Verbose() || len(names) > 0)
	for n, i := range order {
		h, cost := &v.Holdings[i], v.Costs(map[int]bool{i: true})
		term.JSON("holding", newHolding(h, layerOf[h.Layer], cost))
		if n < shown {
			row(tab, h, layerOf[h.Layer], cost, now)
		}
	}
	tab.More(len(order)-shown, "--verbose")
	term.Table(tab)
	together, frees, cost := v.Takes(own), v.Frees(chosen), v.Costs(chosen)
	term.JSON("du", struct {
		Together int64 `json:"together"`
		Frees    int64 `json:"frees"`
		Cost     int64 `json:"cost_ms"`
	}{together, frees, cost})
	if len(names) == 0 {
		term.Status("Total", "%s take %s together", phrase.Count(len(own), "tree"), phrase.Size(together))
	} else {
		term.Status("Removing", "%s %s", phrase.Count(len(chosen), "tree"), phrase.Loss(frees, cost))
	}
	return nil
}

// findHolding finds what a name on the command line means: a directory if there is one of
// the name, or else a layer.
func findHolding(ctx context.Context, st *layers.Store, v *holdings.Survey, dir, name string) (int, error) {
	path := name
	if !filepath.IsAbs(name) {
		path, _ = filepath.Abs(filepath.Join(dir, name))
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		if i := v.Find(real, ""); i >= 0 {
			return i, nil
		}
	}
	rec, err := st.Layer(ctx, name)
	if err == nil {
		if i := v.Find("", rec.ID); i >= 0 {
			return i, nil
		}
		err = layers.ErrNotFound // it is being removed
	}
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		err = exit.Usage(&layers.HelpError{Err: fmt.Errorf("measure %s: no build directory that this store has served", name), Help: "cargo cow du --verbose"})
	}
	return 0, err
}
