package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// ExtendReport says what became of a layer that was given more units.
type ExtendReport struct {
	Record
	Grafted *GraftReport
	// CreatedNew is false if the layer had all units that the other could give, or has
	// been given them before: that layer is as it was then, its label too.
	CreatedNew bool
}

// Extend makes a layer that is the layer base with the registry and git units that base
// lacks and the layer from has, so that what a finished worktree has compiled is there
// for others. The new layer has the label and the sources of base and, being newer, is
// chosen before it. Packages that the lockfile of base does not have are left out.
func (s *Store) Extend(ctx context.Context, co *Checkout, base, from string) (*ExtendReport, error) {
	done, err := s.holdOffSweep(ctx)
	if err != nil {
		return nil, fmt.Errorf("extend layer: %w", err)
	}
	defer done()
	r, err := s.Layer(ctx, base)
	if err != nil {
		return nil, err
	}
	release, err := s.lease(r.ID)
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := s.manifest(r.ID)
	if err != nil {
		return nil, err
	}
	tmp := s.tempTree()
	if err := s.opts.Driver.Clone(ctx, tmp, s.tree(r.ID)); err != nil {
		return nil, fmt.Errorf("extend layer %s: %w", r.ID, err)
	}
	rep, err := s.extend(ctx, co, tmp, m, r, from)
	if err := s.dropTemp(ctx, tmp, err); err != nil {
		return nil, err
	}
	return rep, nil
}

// extend works on tmp, a copy of the layer base.
func (s *Store) extend(ctx context.Context, co *Checkout, tmp string, m *manifest.Manifest, base *Record, from string) (*ExtendReport, error) {
	release, err := s.lease(from)
	if err != nil {
		return nil, err
	}
	defer release()
	given, err := s.manifest(from)
	if err != nil {
		return nil, err
	}
	entries := manifest.Entries(given, active.UnitCache(s.tree(from)))
	usable := manifest.LockedKeys(&m.Fingerprint, slices.DeleteFunc(entries, func(e manifest.Entry) bool { return !e.Portable }))
	grafted, err := s.graft(ctx, co, tmp, wanted{usable, []string{from}, true})
	if err != nil {
		return nil, fmt.Errorf("extend layer %s: %w", base.ID, err)
	}
	if len(grafted.Units) == 0 {
		return &ExtendReport{Record: *base, Grafted: grafted}, nil
	}
	cache, err := m.Extend(tmp, co.Workspace.CargoHome, active.UnitCache(tmp))
	if err != nil {
		return nil, fmt.Errorf("extend layer %s: %w", base.ID, err)
	}
	m.Parent, m.Tool, m.Label = base.ID, s.opts.Tool, base.Label
	b, err := m.Encode()
	if err != nil {
		return nil, err
	}
	if err := active.WriteFile(tmp, active.UnitCacheFile, cache); err != nil {
		return nil, err
	}
	if err := active.WriteFile(tmp, active.ManifestFile, b); err != nil {
		return nil, err
	}
	id := digest.Of(b)
	sealed := s.opts.Driver.Seal(ctx, s.tree(id), tmp)
	if sealed != nil && !errors.Is(sealed, fs.ErrExist) {
		return nil, fmt.Errorf("extend layer %s: %w", base.ID, sealed)
	}
	if err := pointSealed.Hit(); err != nil {
		return nil, err
	}
	s.noteUse(base.ID, id)
	r, err := s.recordSealed(id, m, sealed == nil)
	return &ExtendReport{Record: r, Grafted: grafted, CreatedNew: sealed == nil}, err
}
