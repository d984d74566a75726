package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// describedUnits describes units of a build directory, each once when it is first asked
// for.
type describedUnits struct {
	dir       *builddir.Dir
	previous  *previous
	draft     *draft
	describer *describer
	units     map[*builddir.Unit]*manifest.Unit
}

// of returns the description of a unit.
func (b *describedUnits) of(u *builddir.Unit) (*manifest.Unit, error) {
	if unit := b.units[u]; unit != nil {
		return unit, nil
	}
	if u.Cached {
		if err := b.dir.Reload(u); err != nil {
			return nil, err
		}
	}
	unit := &manifest.Unit{
		UnitName: u.UnitName, Record: paths.Path(u.Dir.Record), File: u.File, Layout: u.Dir.Layout, Source: u.Source,
		Run: u.Run, Doc: u.Doc, Mutable: u.Mutable(), Built: u.Started, Cost: u.Cost, Linker: b.draft.linker(u),
	}
	s := &subject{draft: b.draft, u: u, unit: unit}
	switch k := b.previous.of(u); {
	case u.Broken != nil && b.draft.rules.On(u.Broken.Rule):
		unit.Always = u.Broken
	case u.Doc:
		unit.Always = rule.Because(rule.Documentation, "documentation is not carried to another checkout")
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
	unit.Origin = from.OriginOf(u)
	s.origin = &from.Origins[unit.Origin]
	if u.Overridden() {
		return nil // its hash holds all that decides it
	}
	if u.Source == builddir.SourceUnknown && b.draft.rules.On(rule.UnknownUnit) {
		s.always(rule.UnknownUnit, "nothing tells which package it belongs to")
		return nil
	}
	s.pkg = from.PackageOf(u)
	if u.Mutable() && s.pkg == nil && b.draft.rules.On(rule.UnknownUnit) {
		s.always(rule.UnknownUnit, "package "+u.Package+" is not part of the workspace")
		return nil
	}
	if s.pkg != nil {
		home := s.home()
		unit.Home = &home
	}
	if u.Run {
		return b.describer.describeRun(s)
	}
	ofMacro, err := b.describer.describeCompile(s)
	if ofMacro {
		unit.Commit, unit.CommitOnly = true, b.commitFromBelow(u) && !b.describer.git.MacrosName(u)
		if !unit.CommitOnly {
			b.describer.sawCommit(s, true)
		}
	}
	return err
}

// commitFromBelow reports whether something that a unit depends on holds the commit
// already: a crate with the value that a script gave it, or what a script has written.
func (b *describedUnits) commitFromBelow(u *builddir.Unit) bool {
	seen := map[*builddir.Unit]bool{}
	var holds func(u *builddir.Unit) bool
	holds = func(u *builddir.Unit) bool {
		return slices.ContainsFunc(u.Deps, func(d *builddir.Unit) bool {
			if d == nil || seen[d] || !d.Mutable() {
				return false
			}
			seen[d] = true
			unit, err := b.of(d)
			return err == nil && unit.Commit || holds(d)
		})
	}
	return holds(u)
}
