package layers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
)

// GraftOptions say what to take into a build directory that is there.
type GraftOptions struct {
	From     string   // a layer as Store.Layer finds it; "" for all of them
	Packages []string // only units of these, and what they depend on; none for all
	Strict   bool     // none that names the checkout it was built in
	NoWait   bool     // fail with ErrBusy instead of waiting for Cargo
	Notify   Notify
}

// Graft gives a build directory units that a build of the place needs and that it
// lacks. It works on a clone, which takes the name of the build directory when it
// is done; what was there can be brought back with Undo. If no layer has anything
// to give, nothing is changed.
func (s *Store) Graft(ctx context.Context, p *Place, o GraftOptions) (*Grafted, error) {
	t := newTarget(p)
	release, err := s.claim(ctx, t, o.Notify)
	if err != nil {
		return nil, err
	}
	defer release()
	was, err := s.look(t)
	if err != nil {
		return nil, err
	}
	if was != tree {
		return nil, &HelpError{fmt.Errorf("graft to %s: %w", t.path, ErrNoTarget), "cargo cow init"}
	}
	var from []string
	if o.From != "" {
		r, err := s.Layer(ctx, o.From)
		if err != nil {
			return nil, err
		}
		from = []string{r.ID}
	}
	locks, err := p.lockCargo(ctx, o.NoWait, o.Notify)
	if err != nil {
		return nil, err
	}
	defer locks.Unlock()
	needed, err := s.needs(ctx, p, t, o.Packages)
	if err != nil {
		return nil, err
	}
	tmp, err := s.prepare(ctx, t, t.path)
	if err != nil {
		return nil, err
	}
	abandon := func(err error) error {
		return errors.Join(err, s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
	}
	done, err := s.graft(ctx, p, tmp, needed, from, o.Strict)
	if err != nil {
		return nil, abandon(fmt.Errorf("graft to %s: %w", t.path, err))
	}
	if len(done.Units) == 0 {
		return done, abandon(nil)
	}
	if !s.opts.Driver.Caps().ConstantTime {
		if err := syncFileSystem(tmp); err != nil {
			return nil, abandon(fmt.Errorf("graft to %s: %w", t.path, err))
		}
	}
	replaced, err := s.install(t, tmp, locks)
	if err == nil && replaced != "" {
		err = s.setAside(ctx, t, replaced)
	}
	return done, err
}

// needs returns the units that builds of the place need in the profiles that its
// build directory has, or in the default one.
func (s *Store) needs(ctx context.Context, p *Place, t target, packages []string) (map[string]bool, error) {
	profiles, err := cargo.Profiles(t.path)
	if err != nil {
		return nil, err
	}
	if len(profiles) == 0 {
		profiles = []string{"debug"}
	}
	x, err := s.index(ctx)
	if err != nil {
		return nil, err
	}
	needed, err := s.plan(ctx, p, profiles[:min(len(profiles), maxPlanned)], x.checked())
	if errors.Is(err, cargo.ErrPlanning) {
		return nil, &HelpError{err, "cargo fetch"}
	}
	if err != nil {
		return nil, err
	}
	if len(packages) > 0 {
		for key := range needed {
			if !slices.Contains(packages, cargo.PackageOf(key)) {
				delete(needed, key)
			}
		}
	}
	return needed, nil
}

// readRecall returns what an inspection left in a build directory or layer.
func readRecall(dir string) []byte {
	b, _ := os.ReadFile(filepath.Join(dir, recallFile))
	return b
}
