package cargo

import "slices"

// describedUnits are the units of a build directory that were asked for, with what they
// were built from.
type describedUnits struct {
	dir       *scanned
	previous  *previous
	draft     *draft
	describer *describer
	units     map[*built]*Unit
}

// of describes a unit, once.
func (b *describedUnits) of(u *built) (*Unit, error) {
	if unit := b.units[u]; unit != nil {
		return unit, nil
	}
	if u.recalled {
		if err := b.dir.reread(u); err != nil {
			return nil, err
		}
	}
	unit := &Unit{
		UnitName: u.UnitName, Record: Path(u.record), File: u.file, Layout: u.layout, Source: u.source,
		Run: u.run, Doc: u.doc, Mutable: u.mutable(), Built: u.depTime, Cost: u.cost, Linker: b.draft.linker(u),
	}
	s := &subject{draft: b.draft, u: u, unit: unit}
	switch k := b.previous.of(u); {
	case u.broken != nil:
		unit.Always = u.broken
	case u.doc:
		unit.Always = &Reason{RuleDocumentation, "documentation is not carried to another checkout"}
	case k != nil:
		b.previous.inherit(s, k)
	default:
		if err := b.describe(s); err != nil {
			return nil, err
		}
	}
	b.units[u] = unit
	return unit, nil
}

// describe finds out what a subject was built from.
func (b *describedUnits) describe(s *subject) error {
	u, unit, from := s.u, s.unit, b.draft.from
	unit.Origin = from.originOf(u)
	s.origin = &from.origins[unit.Origin]
	if u.overridden() {
		return nil // its hash holds all that decides it
	}
	if u.source == SourceUnknown && b.draft.rules.On(RuleUnknownUnit) {
		s.always(RuleUnknownUnit, "nothing tells which package it belongs to")
		return nil
	}
	s.pkg = from.packageOf(u)
	if u.mutable() && s.pkg == nil && b.draft.rules.On(RuleUnknownUnit) {
		s.always(RuleUnknownUnit, "package "+u.pkg+" is not part of the workspace")
		return nil
	}
	if s.pkg != nil {
		home := s.home()
		unit.Home = &home
	}
	if u.run {
		return b.describer.describeRun(s)
	}
	ofMacro, err := b.describer.describeCompile(s)
	if ofMacro {
		unit.Commit, unit.CommitOnly = true, b.commitFromBelow(u) && !b.describer.git.macrosName(u)
	}
	return err
}

// commitFromBelow reports whether something that a unit is built on holds the commit
// already: a crate with the value that a script gave it, or what a script has written.
func (b *describedUnits) commitFromBelow(u *built) bool {
	seen := map[*built]bool{}
	var holds func(u *built) bool
	holds = func(u *built) bool {
		return slices.ContainsFunc(u.deps, func(d *built) bool {
			if d == nil || seen[d] || !d.mutable() {
				return false
			}
			seen[d] = true
			unit, err := b.of(d)
			return err == nil && unit.Commit || holds(d)
		})
	}
	return holds(u)
}
