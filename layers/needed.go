package layers

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/planner"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// needs returns the units that builds of the checkout need in the profiles that its
// build directory has, or in the default one.
func (s *Store) needs(ctx context.Context, co *Checkout, packages []string) (map[string]bool, error) {
	profiles, err := builddir.Profiles(co.BuildDir().Path)
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
	needed, err := s.plan(ctx, co, profiles[:min(len(profiles), maxPlanned)], x.Checked())
	if errors.Is(err, planner.ErrPlanning) {
		return nil, &HelpError{Err: err, Help: "cargo fetch"}
	}
	if err != nil {
		return nil, err
	}
	if len(packages) > 0 {
		for key := range needed {
			if !slices.Contains(packages, manifest.PackageOf(key)) {
				delete(needed, key)
			}
		}
	}
	return needed, nil
}

// plan asks cargo which units a checkout needs in the profiles of a build
// directory.
func (s *Store) plan(ctx context.Context, co *Checkout, profiles []string, checked bool) (map[string]bool, error) {
	plans := &planner.Planner{
		Tool: co.Tool, Workspace: co.Workspace, Wrapper: s.opts.Self, Temp: s.opts.Temp,
		Notes: filepath.Join(s.opts.Dir, paths.StoreRustcNotes),
		Kept:  filepath.Join(s.opts.Dir, plansDir), Fingerprint: co.Fingerprint,
	}
	needed, err := plans.Needed(ctx, planner.Builds(profiles, checked)...)
	if len(needed) > 0 {
		return needed, nil // a profile of the layer may be unknown here
	}
	return nil, err
}

// maxPlanned bounds for how many profiles cargo is asked what it needs, at some
// 0.2 s each.
const maxPlanned = 2
