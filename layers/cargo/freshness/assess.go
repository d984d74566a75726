package freshness

import (
	"context"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
)

// Assessment is what a build directory is worth: what the next build there need not do,
// and whether the last manifest still describes it.
type Assessment struct {
	// Fresh are the units that Cargo would leave alone, by the checks that
	// Explain makes; documentation is not counted.
	Fresh []manifest.Entry
	// BuiltSince: something was built after the manifest given to Assess was written.
	BuiltSince bool
	// Revived: a mutable unit is fresh that the manifest does not list because it was
	// dead: when the manifest was written, no build could ask for it.
	Revived bool
}

// Assess judges the build directory of co. m is the manifest that was written there last,
// nil for none, and sealed the kernel's time of that, in ns; restored is the time that
// the last restore gave to units, in ns, 0 for none; unitCache is what the last inspection
// left. It reads only.
func Assess(ctx context.Context, co *checkout.Checkout, m *manifest.Manifest, sealed, restored int64, unitCache []byte) (*Assessment, error) {
	bd, err := builddir.Scan(co.Workspace.BuildDir, co.Workspace.CargoHome, unitCache)
	if err != nil {
		return nil, err
	}
	known := map[string]*manifest.Unit{}
	if m != nil {
		for i := range m.Units {
			known[m.Units[i].Key()] = &m.Units[i]
		}
	}
	for _, u := range bd.Units {
		bd.LoadTimes(u) // else Cached ones have no outputs
	}
	e := newExplainer(ctx, co, bd, nil)
	a := &Assessment{}
	for _, u := range bd.Units {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if u.Broken != nil || u.Doc {
			continue
		}
		k := known[u.Key]
		dead := false
		if !isKnownBuild(bd, u, k, restored) {
			dead = k == nil && u.Started < sealed
			a.BuiltSince = a.BuiltSince || !dead
		}
		if e.judge(u) != nil {
			continue
		}
		a.Revived = a.Revived || dead && u.Mutable()
		entry := manifest.Entry{Key: u.Key, Source: u.Source, From: u.From, Cost: u.Cost, UnitName: u.UnitName}
		if k != nil {
			entry.Cost = max(entry.Cost, k.Cost) // a restore takes it out of the times
		}
		a.Fresh = append(a.Fresh, entry)
	}
	return a, nil
}

// isKnownBuild reports whether u is the same build as k, which the manifest lists, or as
// the one in the unit cache.
func isKnownBuild(bd *builddir.Dir, u *builddir.Unit, k *manifest.Unit, restored int64) bool {
	switch {
	case u.Cached:
		return true
	case k != nil:
		return u.Started == k.Built || restored != 0 && u.Started == restored && k.Always == nil
	}
	return bd.CacheKnows(u)
}
