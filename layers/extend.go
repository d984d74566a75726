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
	"github.com/cargo-cow/cargo-cow/layers/record"
)

// ExtendReport says what became of a layer that was given more units.
type ExtendReport struct {
	Record
	Grafted *Grafted
	// CreatedNew is false if the layer had all units that the other could give.
	CreatedNew bool
}

// Extend makes a layer that is the layer into with the registry and git units that
// it lacks and the layer from has: what a finished worktree has compiled is then
// where others start from. It has the label and the sources of into and is chosen
// before it, being newer. Packages that the lockfile of into does not have are
// left out.
func (s *Store) Extend(ctx context.Context, co *Checkout, into, from string) (*ExtendReport, error) {
	done, err := s.working(ctx)
	if err != nil {
		return nil, fmt.Errorf("extend layer: %w", err)
	}
	defer done()
	base, err := s.Layer(ctx, into)
	if err != nil {
		return nil, err
	}
	release, err := s.hold(base.ID)
	if err != nil {
		return nil, err
	}
	defer release()
	m, err := s.manifest(base.ID)
	if err != nil {
		return nil, err
	}
	tmp := s.temp()
	if err := s.opts.Driver.Clone(ctx, tmp, s.tree(base.ID)); err != nil {
		return nil, fmt.Errorf("extend layer %s: %w", base.ID, err)
	}
	r, err := s.extend(ctx, co, tmp, m, base, from)
	if gone := s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp); gone != nil || err != nil {
		return nil, errors.Join(err, gone)
	}
	return r, nil
}

// extend works on tmp, a copy of the layer base.
func (s *Store) extend(ctx context.Context, co *Checkout, tmp string, m *manifest.Manifest, base *Record, from string) (*ExtendReport, error) {
	given, err := s.manifest(from)
	if err != nil {
		return nil, err
	}
	entries := manifest.Entries(given, active.Recall(s.tree(from)))
	usable := manifest.LockedKeys(&m.Fingerprint, slices.DeleteFunc(entries, func(e manifest.Entry) bool { return !e.Portable }))
	grafted, err := s.graft(ctx, co, tmp, wanted{usable, []string{from}, true})
	if err != nil {
		return nil, fmt.Errorf("extend layer %s: %w", base.ID, err)
	}
	if len(grafted.Units) == 0 {
		return &ExtendReport{Record: *base, Grafted: grafted}, nil
	}
	unitCache, err := m.Extend(tmp, co.Workspace.CargoHome, active.Recall(tmp))
	if err != nil {
		return nil, fmt.Errorf("extend layer %s: %w", base.ID, err)
	}
	m.Parent, m.Tool, m.Label = base.ID, s.opts.Tool, base.Label
	b, err := m.Encode()
	if err != nil {
		return nil, err
	}
	if err := active.WriteFile(tmp, active.RecallFile, unitCache); err != nil {
		return nil, err
	}
	if err := active.WriteFile(tmp, active.ManifestFile, b); err != nil {
		return nil, err
	}
	id := digest.Of(b)
	if err := s.opts.Driver.Seal(ctx, s.tree(id), tmp); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("extend layer %s: %w", base.ID, err)
	}
	if err := pointSealed.Hit(); err != nil {
		return nil, err
	}
	s.used(base.ID, id)
	r := record.New(id, m, s.opts.Now())
	return &ExtendReport{Record: r, Grafted: grafted, CreatedNew: true}, s.writeRecord(r)
}
