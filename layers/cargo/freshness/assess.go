package freshness

import (
	"context"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
)

// A Standing is what lies in a build directory, as far as the next build there
// is spared something by it.
type Assessment struct {
	// Fresh are the units that Cargo would leave alone, by the checks that
	// Explain makes; documentation is not counted.
	Fresh []manifest.Entry
	// Since: something was built after the manifest given to Stand was written.
	BuiltSince bool
	// Buried: a mutable unit is fresh that the manifest passes over, since no
	// build could ask for it when that was written.
	Revived bool
}

// Assess looks at a place's build directory. m is the manifest that was written
// there last, at the kernel's time sealed, nil for none; restored is the time that
// the last restore gave, 0 for none, both in ns; recall is what the last
// inspection left. It reads only.
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
		bd.LoadTimes(u) // those that are recalled have no outputs else
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

// knownBuild reports whether u is the build that k, what the manifest says of it,
// or the recall tells of.
func isKnownBuild(bd *builddir.Dir, u *builddir.Unit, k *manifest.Unit, restored int64) bool {
	switch {
	case u.Cached:
		return true
	case k != nil:
		return u.Started == k.Built || restored != 0 && u.Started == restored && k.Always == nil
	}
	return bd.CacheKnows(u)
}
