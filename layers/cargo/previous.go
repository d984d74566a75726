package cargo

import "slices"

// previous is the manifest of the inspection before: what it says of units that were
// not built since is known, whatever lies there now.
type previous struct {
	manifest *Manifest // empty if there is none
	sealed   int64     // see Inspection
	restored int64
	units    map[string]*Unit
	strays   map[string]*Stray // by path
}

// newPrevious tells what m says, nil for none, which was made at the time sealed.
func newPrevious(m *Manifest, sealed, restored int64) *previous {
	p := &previous{manifest: m, sealed: sealed, restored: restored, units: map[string]*Unit{}, strays: map[string]*Stray{}}
	if m == nil {
		p.manifest, p.sealed = &Manifest{}, 0
	}
	for i := range p.manifest.Units {
		p.units[p.manifest.Units[i].key()] = &p.manifest.Units[i]
	}
	for i := range p.manifest.Strays {
		p.strays[string(p.manifest.Strays[i].Path)] = &p.manifest.Strays[i]
	}
	return p
}

// lookedAt reports whether u was there when the manifest was made, which need not
// list it.
func (p *previous) lookedAt(u *built) bool {
	return u.recalled || p.sealed != 0 && u.depTime < p.sealed && u.depTime != 0
}

// of returns what the manifest says of u, nil if u was built since.
func (p *previous) of(u *built) *Unit {
	k := p.units[u.key]
	if k == nil || u.broken != nil || u.depTime == 0 {
		return nil
	}
	if u.depTime == k.Built || p.restored != 0 && u.depTime == p.restored && k.Always == nil {
		return k
	}
	return nil
}

// nested returns the manifest of a build directory inside, nil if there is none.
func (p *previous) nested(rel string) *Manifest {
	i := slices.IndexFunc(p.manifest.Nested, func(n Nested) bool { return string(n.Path) == rel })
	if i < 0 {
		return nil
	}
	return p.manifest.Nested[i].Manifest
}

// inherit says of a subject what k does, a unit of the manifest.
func (p *previous) inherit(s *subject, k *Unit) {
	unit, m := s.unit, p.manifest
	unit.Built, unit.Cost = k.Built, k.Cost
	unit.Home, unit.Commit, unit.Named, unit.Newest, unit.Rewatch = k.Home, k.Commit, k.Named, k.Newest, k.Rewatch
	unit.Assembles, unit.Unwatched = k.Assembles, k.Unwatched
	unit.Root, unit.Linker, unit.CommitOnly = k.Root, k.Linker, k.CommitOnly
	unit.Always, unit.Elsewhere, unit.Moved = k.Always, k.Elsewhere, k.Moved
	unit.Origin = s.draft.from.index(m.Origins[k.Origin])
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
