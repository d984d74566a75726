package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
)

// previous is the manifest of the last inspection: what it says of units that were
// not built since is taken over without reading them.
type previous struct {
	manifest *manifest.Manifest // empty if there is none
	sealed   int64              // see Inspection
	restored int64
	units    map[string]*manifest.Unit
	strays   map[string]*manifest.Stray // by path
}

// newPrevious returns one of m, nil for none, which was made at the time sealed.
func newPrevious(m *manifest.Manifest, sealed, restored int64) *previous {
	p := &previous{manifest: m, sealed: sealed, restored: restored, units: map[string]*manifest.Unit{}, strays: map[string]*manifest.Stray{}}
	if m == nil {
		p.manifest, p.sealed = &manifest.Manifest{}, 0
	}
	for i := range p.manifest.Units {
		p.units[p.manifest.Units[i].Key()] = &p.manifest.Units[i]
	}
	for i := range p.manifest.Strays {
		p.strays[string(p.manifest.Strays[i].Path)] = &p.manifest.Strays[i]
	}
	return p
}

// wasInspected reports whether u was there when the manifest was made, which need not
// list it.
func (p *previous) wasInspected(u *builddir.Unit) bool {
	return u.Cached || p.sealed != 0 && u.Started < p.sealed && u.Started != 0
}

// of returns what the manifest says of u, nil if u was built since.
func (p *previous) of(u *builddir.Unit) *manifest.Unit {
	k := p.units[u.Key]
	if k == nil || u.Broken != nil || u.Started == 0 {
		return nil
	}
	if u.Started == k.Built || p.restored != 0 && u.Started == p.restored && k.Always == nil {
		return k
	}
	return nil
}

// nested returns the manifest of a build directory inside, nil if there is none.
func (p *previous) nested(rel string) *manifest.Manifest {
	i := slices.IndexFunc(p.manifest.Nested, func(n manifest.Nested) bool { return string(n.Path) == rel })
	if i < 0 {
		return nil
	}
	return p.manifest.Nested[i].Manifest
}

// inherit says of a subject what k says, the same unit in the manifest.
func (p *previous) inherit(s *subject, k *manifest.Unit) {
	unit, m := s.unit, p.manifest
	unit.Built, unit.Cost = k.Built, k.Cost
	unit.Home, unit.Commit, unit.Named, unit.Newest, unit.Rewatch = k.Home, k.Commit, k.Named, k.Newest, k.Rewatch
	unit.Assembles, unit.Unwatched = k.Assembles, k.Unwatched
	unit.Root, unit.Linker, unit.CommitOnly = k.Root, k.Linker, k.CommitOnly
	unit.Always, unit.Elsewhere, unit.Moved = k.Always, k.Elsewhere, k.Moved
	unit.Origin = s.draft.from.IndexOf(m.Origins[k.Origin])
	for _, use := range k.Inputs {
		s.use(m.Inputs[use.Index], use.Rule)
	}
	for _, use := range k.Trees {
		s.addTree(m.Trees[use.Index], use.Rule)
	}
	for _, use := range k.Facts {
		s.useFact(m.Facts[use.Index], use.Rule)
	}
}
