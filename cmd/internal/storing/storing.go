// Package storing is what the commands about stores do: it tells which there are and who uses them,
// and moves and removes them.
//
// A Storing serves one command, and is for one goroutine. What it promises of a move or a removal
// that is killed, or meets others, is what packages relocate and layers promise.
package storing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/cmd/internal/open"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/autoprune"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// A Storing is a command about stores.
type Storing struct {
	Session *open.Session
	Term    *ui.Terminal
}

// place is a store as list tells of it, without opening it.
type place struct {
	Store      string `json:"store"`
	FileSystem string `json:"file_system"`
	Mount      string `json:"mount"`
	Driver     string `json:"driver"`
	Layers     int    `json:"layers"`
	// Exclusive is what removing it frees, as the last prune has measured it; nil: it has not.
	Exclusive *int64 `json:"exclusive,omitempty"`
}

func placeOf(store string) place {
	mount := whereabouts.MountPoint(store)
	p := place{Store: store, Mount: mount, FileSystem: open.FileSystem(store)}
	if name, err := regular.Read(filepath.Join(store, paths.StoreDriver)); err == nil {
		p.Driver = strings.TrimSpace(string(name))
	}
	trees, _ := os.ReadDir(filepath.Join(store, paths.StoreLayers))
	for _, t := range trees {
		if !strings.HasPrefix(t.Name(), ".") {
			p.Layers++
		}
	}
	if last := autoprune.Last(store); last != nil {
		p.Exclusive = &last.Size
	}
	return p
}

// List lists the stores of the user.
func (s *Storing) List(ctx context.Context) error {
	tab := ui.NewTable("STORE", "FILE SYSTEM", "DRIVER", "LAYERS", "ALONE")
	all := s.Session.Stores(ctx)
	for _, store := range all {
		p := placeOf(store)
		s.Term.JSON("store", p)
		alone := "-"
		if p.Exclusive != nil {
			alone = phrase.Size(*p.Exclusive)
		}
		tab.Row(p.Store, p.FileSystem+" at "+p.Mount, p.Driver, fmt.Sprint(p.Layers), alone)
	}
	if len(all) == 0 {
		s.Term.Status("Found", "no stores")
		return nil
	}
	s.Term.Table(tab)
	return nil
}

// A holder is what a store holds that somebody may miss, and who uses it.
type holder struct {
	Labelled  int      `json:"labelled"`
	Pinned    int      `json:"pinned"`
	BuildDirs []string `json:"build_directories"`
}

// used reports whether removing the store takes something from somebody.
func (h *holder) used() bool { return h.Labelled+h.Pinned+len(h.BuildDirs) > 0 }

func held(list []layers.Record, found *whereabouts.Checkouts) *holder {
	h := &holder{BuildDirs: []string{}}
	for i := range list {
		if list[i].Label != "" {
			h.Labelled++
		}
		if list[i].Pinned {
			h.Pinned++
		}
	}
	for _, t := range found.Trees() {
		if t.Served && !t.Undo && !t.Sealed {
			h.BuildDirs = append(h.BuildDirs, t.Path)
		}
	}
	return h
}

// look opens the store and finds out what it holds.
func (s *Storing) look(ctx context.Context) (*layers.Store, *whereabouts.Checkouts, []layers.Record, error) {
	st, err := s.Session.AnyStore(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	list, err := st.Layers(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	return st, st.BuildDirs(ctx), list, nil
}

// Show shows one store.
func (s *Storing) Show(ctx context.Context) error {
	st, found, list, err := s.look(ctx)
	if err != nil {
		return err
	}
	v, err := st.Survey(ctx, found)
	if err != nil {
		return err
	}
	own := v.Of(st.Dir())
	frees, h, p := v.Frees(own), held(list, found), placeOf(st.Dir())
	p.Exclusive = &frees
	s.Term.JSON("store", struct {
		place
		*holder
		Takes int64 `json:"takes"`
	}{p, h, v.Takes(own)})
	tab := &ui.Table{}
	tab.Row("store", p.Store)
	tab.Row("file system", p.FileSystem+" at "+p.Mount+", driver "+p.Driver)
	tab.Row("layers", fmt.Sprintf("%d, %d labelled, %d pinned", p.Layers, h.Labelled, h.Pinned))
	tab.Row("takes", fmt.Sprintf("%s, of which removing it frees %s", phrase.Size(v.Takes(own)), phrase.Size(frees)))
	what := "used by"
	for _, dir := range h.BuildDirs {
		tab.Row(what, dir)
		what = ""
	}
	s.Term.Table(tab)
	return nil
}

// usedError says that a store is not removed, since somebody uses it.
func usedError(store string, h *holder) error {
	var why []string
	add := func(n int, noun string) {
		if n > 0 {
			why = append(why, phrase.Count(n, noun))
		}
	}
	if n := len(h.BuildDirs); n == 1 {
		add(n, "build directory")
	} else if n > 1 {
		why = append(why, fmt.Sprintf("%d build directories", n))
	}
	add(h.Labelled, "labelled layer")
	add(h.Pinned, "pinned layer")
	return &layers.HelpError{
		Err:  fmt.Errorf("remove store %s: %w: %s", store, errUsed, strings.Join(why, ", ")),
		Help: "cargo cow store remove --force " + paths.ShellWord(store),
	}
}

var errUsed = errors.New("it is used")

// Remove removes the store with all that is in it.
func (s *Storing) Remove(ctx context.Context, force, dryRun bool) error {
	st, found, list, err := s.look(ctx)
	if err != nil {
		return err
	}
	h, dir := held(list, found), st.Dir()
	text := fmt.Sprintf("%s with %s, %d of them labelled and %d pinned, and its warehouse", dir, phrase.Count(len(list), "layer"), h.Labelled, h.Pinned)
	refused := h.used() && !force
	if !dryRun && !refused {
		if err := st.RemoveStore(ctx); err != nil {
			return err
		}
	}
	s.Term.JSON("remove-store", struct {
		Store  string `json:"store"`
		Layers int    `json:"layers"`
		*holder
		DryRun bool `json:"dry_run,omitempty"`
	}{dir, len(list), h, dryRun || refused})
	if !dryRun && !refused {
		s.Term.Status("Removed", "%s", text)
		return nil
	}
	s.Term.Status("Would", "remove %s", text)
	for _, d := range h.BuildDirs {
		s.Term.Status("Used", "by %s", d)
	}
	if refused && !dryRun {
		return usedError(dir, h)
	}
	return nil
}

// Move moves the store to a place, or into a directory that is there.
func (s *Storing) Move(ctx context.Context, to string, force bool) error {
	st, found, list, err := s.look(ctx)
	if err != nil {
		return err
	}
	m, err := s.Session.PlanMove(ctx, st, to)
	if err != nil {
		return err
	}
	if !force {
		if err := checkReach(m, held(list, found)); err != nil {
			return err
		}
	}
	m.Progress = func(done, of int) {
		s.Term.Detail("Copying", "layer %d of %d", done+1, of)
	}
	r, err := m.Run(ctx)
	if err != nil {
		return err
	}
	s.Term.JSON("move-store", struct {
		From    string `json:"from"`
		Store   string `json:"store"`
		Driver  string `json:"driver"`
		Layers  int    `json:"layers"`
		Renamed bool   `json:"renamed"`
	}{m.From, m.To, m.New.Name(), r.Layers, r.Renamed})
	s.Term.Status("Moved", "%s with %s to %s (%s)", m.From, phrase.Count(r.Layers, "layer"), m.To, m.New.Name())
	if r.Leftover != nil {
		s.Term.Warn("%v; the next command goes on with it", r.Leftover)
	}
	if m.Configured {
		s.Term.Status("Note", "the configuration names %s, which leads to the new place", m.From)
	}
	return nil
}

// checkReach refuses a move away from build directories that could then not be restored any more.
func checkReach(m *open.StoreMove, h *holder) error {
	for _, dir := range h.BuildDirs {
		if open.IsTooFar(m.New, m.From, filepath.Dir(m.To), dir) {
			return &layers.HelpError{
				Err:  fmt.Errorf("move store %s to %s: the build directory %s is on another file system, and would have no store", m.From, m.To, dir),
				Help: "cargo cow store move --force " + paths.ShellWord(m.From) + " " + paths.ShellWord(m.To),
			}
		}
	}
	return nil
}
