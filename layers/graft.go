package layers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/graft"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/index"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/reflink"
)

var pointGrafted = crashpoint.New("graft.grafted")

// maxSources bounds how many layers one graft takes from: each costs the reading
// of its units (a few ms for some hundred), and what the sixteenth best still
// has to give is next to nothing.
const maxSources = 16

// GraftReport says what a graft did.
type GraftReport struct {
	Units []builddir.UnitName `json:"units"`
	From  []string            `json:"from"` // layers, the one that gave first, first
	// Lacking counts the units of registry and git packages that the build needs
	// and no layer could give.
	Lacking int `json:"lacking"`
}

// wanted is what a graft is to give.
type wanted struct {
	units  map[string]bool
	from   []string // layers, nil for all
	strict bool     // none that names the checkout it was built in
}

// graft puts units that dir, a build directory that nobody uses, lacks into it.
func (s *Store) graft(ctx context.Context, co *Checkout, dir string, want wanted) (*GraftReport, error) {
	g, err := graft.New(dir, co.Workspace.CargoHome, active.UnitCache(dir))
	if err != nil {
		return nil, err
	}
	x, err := s.index(ctx)
	if err != nil {
		return nil, err
	}
	done := &GraftReport{}
	tried := map[string]bool{}
	for range maxSources {
		id, keys := bestSource(x, g, want, tried)
		if id == "" {
			break
		}
		tried[id] = true
		took, release, err := s.takeFrom(id, co, g, keys, want.strict)
		if err != nil {
			continue // gone or damaged since: another one may have them
		}
		defer release()
		if took > 0 {
			done.From = append(done.From, id)
		}
	}
	own := map[string]bool{}
	for _, pkg := range co.Workspace.Packages {
		own[pkg.Name] = true
	}
	for key := range want.units {
		if !g.Has(key) && !own[manifest.PackageOf(key)] {
			done.Lacking++
		}
	}
	done.Units = g.Taken()
	if err := applyGraft(ctx, g); err != nil {
		return nil, err
	}
	return done, pointGrafted.Hit()
}

// applyGraft clones the units that a graft took.
func applyGraft(ctx context.Context, g *graft.Graft) error {
	copier := reflink.NewCopier(reflink.Auto)
	return g.Apply(ctx, func(dst, src string, mtime time.Time) error {
		return copier.NewFile(ctx, dst, src, mtime)
	})
}

// bestSource returns the layer that holds most, by cost, of what is still lacking,
// and the keys of that; "" when none has any.
func bestSource(x *index.Index, g *graft.Graft, want wanted, tried map[string]bool) (layer string, keys []string) {
	for key := range want.units {
		if !g.Has(key) && x.Portable(key) {
			keys = append(keys, key)
		}
	}
	layers := slices.DeleteFunc(slices.Clone(x.Layers()), func(id string) bool {
		return tried[id] || want.from != nil && !slices.Contains(want.from, id)
	})
	return x.Best(layers, keys)
}

// takeFrom takes units from one layer, which stays leased until release.
func (s *Store) takeFrom(id string, co *Checkout, g *graft.Graft, keys []string, strict bool) (took int, release func() error, err error) {
	release, err = s.lease(id)
	if err != nil {
		return 0, nil, err
	}
	m, err := s.manifest(id)
	if err == nil && m.Fingerprint.GraftsTo(co.Fingerprint) {
		var source *graft.Source
		if source, err = graft.OpenSource(s.tree(id), co.Workspace.CargoHome, m, active.UnitCache(s.tree(id)), strict); err == nil {
			s.noteUse(id)
			return g.Take(source, keys), release, nil
		}
	}
	return 0, nil, errors.Join(fmt.Errorf("use layer %s: %w", id, err), release())
}

// GraftOptions say what to take into a build directory that is there.
type GraftOptions struct {
	From     string   // a layer as Store.Layer finds it; "" for all of them
	Packages []string // only units of these, and what they depend on; none for all
	Strict   bool     // none that names the checkout it was built in
	NoWait   bool     // fail with ErrBusy instead of waiting for Cargo, or for a command that may wait for it
	Notify   Notify
}

// Graft gives a build directory units that a build of the checkout needs and that it
// lacks. It works on a clone, which takes the name of the build directory when it
// is done; what was there can be brought back with Undo. If no layer has anything
// to give, nothing is changed.
func (s *Store) Graft(ctx context.Context, co *Checkout, o GraftOptions) (*GraftReport, error) {
	w, err := s.begin(ctx, co, o.NoWait, o.Notify)
	if err != nil {
		return nil, err
	}
	defer w.end()
	if w.kind == active.Absent {
		return nil, &HelpError{Err: fmt.Errorf("graft to %s: %w", w.path(), ErrNoTarget), Help: "cargo cow init"}
	}
	want := wanted{strict: o.Strict}
	if o.From != "" {
		r, err := s.Layer(ctx, o.From)
		if err != nil {
			return nil, err
		}
		want.from = []string{r.ID}
	}
	if err := w.takeOver(ctx, o.NoWait); err != nil {
		return nil, err
	}
	if want.units, err = s.needs(ctx, co, o.Packages); err != nil {
		return nil, err
	}
	tmp, err := w.dir.Prepare(ctx, w.path())
	if err != nil {
		return nil, err
	}
	done, err := s.graft(ctx, co, tmp, want)
	if err != nil {
		return nil, w.dir.Abandon(ctx, tmp, fmt.Errorf("graft to %s: %w", w.path(), err))
	}
	if len(done.Units) == 0 {
		return done, w.dir.Abandon(ctx, tmp, nil)
	}
	if err := w.dir.Settle(tmp); err != nil {
		return nil, w.dir.Abandon(ctx, tmp, fmt.Errorf("graft to %s: %w", w.path(), err))
	}
	_, err = w.dir.Replace(ctx, tmp)
	return done, err
}
