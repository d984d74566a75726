// Package du shows what takes room on the disk of a store, what of it is shared, and what removing it would
// free: as a table, as lines of JSON, or as a page for a browser. It keeps nothing, and a call depends on no other.
package du

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/cmd/internal/used"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/usage"
)

// Options say what is shown.
type Options struct {
	Names []string // of layers and build directories; all if there are none
	Dir   string   // that names are relative to; "": the working directory
	Known []string // build directories of which the caller knows
	By    string   // one of Groups; "" for each tree
	HTML  string   // the file that a page of all is written to, instead
	// Home: what Cargo and rustup keep for the user is shown instead, which Environ tells where to find.
	Home    bool
	Environ []string
}

// Show shows what takes room on the disk of a store, which need not be there for Options.Home.
func Show(ctx context.Context, term *ui.Terminal, st *layers.Store, o Options, now time.Time) error {
	if err := o.check(); err != nil {
		return exit.Usage(err)
	}
	if o.Home {
		return showHome(ctx, term, st, project.Tool{Cargo: "cargo", Dir: o.Dir, Environ: o.Environ}, o.Known)
	}
	if slices.Contains(groupsOfUnits, o.By) {
		return showUnits(ctx, term, st, o.By)
	}
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
	known, err := used.Fold(ctx, term, st, buildDirs(v), now)
	if err != nil {
		return err
	}
	noteUses(v, layerOf, known)
	gs := &groups{survey: v, found: found, layerOf: layerOf, known: known}
	if o.HTML != "" {
		p := newPage(st.Dir(), gs, uses, now)
		return p.write(term, inDir(o.Dir, o.HTML))
	}
	if slices.Contains(groupsOfTrees, o.By) {
		gs.show(term, o.By, now)
		return nil
	}
	chosen := map[int]bool{}
	for _, name := range o.Names {
		i, err := findHolding(ctx, st, v, o.Dir, name)
		if err != nil {
			return err
		}
		chosen[i] = true
	}
	showTrees(term, v, layerOf, chosen, now)
	return nil
}

// check refuses what does not go together.
func (o *Options) check() error {
	several := o.By != "" || len(o.Names) > 0
	switch {
	case o.Home && several:
		return errors.New("show what Cargo and rustup keep: that goes with no names, and not with --by")
	case o.HTML != "" && several:
		return fmt.Errorf("write page %s: it shows all trees, and all groups of them", o.HTML)
	case o.HTML == "-":
		return errors.New("write page -: want the name of a file")
	}
	return checkGroups(o.By, o.Names)
}

// showTrees shows those trees that were named; all, if none was.
func showTrees(term *ui.Terminal, v *holdings.Survey, layerOf map[string]*layers.LayerUse, chosen map[int]bool, now time.Time) {
	own, named := v.Own(), len(chosen) > 0
	order := inOrder(v, own)
	if named {
		order = inOrder(v, chosen)
	}
	tab := newTable()
	shown := ui.Shown(len(order), term.Verbose() || named)
	for n, i := range order {
		h, cost := &v.Holdings[i], v.Costs(map[int]bool{i: true})
		term.JSON("holding", newHolding(h, layerOf[h.Layer], cost))
		if n < shown {
			tab.Row(cells(h, layerOf[h.Layer], cost, now)...)
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
	if named {
		term.Status("Removing", "%s %s", phrase.Count(len(chosen), "tree"), phrase.Loss(frees, cost))
	} else {
		term.Status("Total", "%s", takes(len(own), together))
	}
	noteSlow(term, v.Holdings, own)
}

// inDir is the absolute path of what is called name in a directory; "": the working
// directory.
func inDir(dir, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	path, _ := filepath.Abs(filepath.Join(dir, name))
	return path
}

// buildDirs are the build directories that were found.
func buildDirs(v *holdings.Survey) (list []string) {
	for i := range v.Holdings {
		if h := &v.Holdings[i]; h.Kind == holdings.BuildDir {
			list = append(list, h.Path)
		}
	}
	return list
}

// noteUses notes when layers and build directories were last used: a layer when it was made,
// for one.
func noteUses(v *holdings.Survey, layerOf map[string]*layers.LayerUse, known usage.Known) {
	for i := range v.Holdings {
		h := &v.Holdings[i]
		if l := layerOf[h.Layer]; l != nil {
			h.Used = l.Created
			if l.LastUse.After(h.Used) {
				h.Used = l.LastUse
			}
		} else if h.Kind == holdings.BuildDir {
			h.Used = known.Last(usage.Directory, h.Path)
		}
	}
}

// findHolding finds what a name on the command line means: a directory if there is one of
// the name, or else a layer.
func findHolding(ctx context.Context, st *layers.Store, v *holdings.Survey, dir, name string) (int, error) {
	path := inDir(dir, name)
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
