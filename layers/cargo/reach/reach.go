// Package reach tells what the procedural macros that a unit may run can get at, by a list of known
// macros and by reading the sources of the others; and whether a script or macro asks git. In doubt a
// macro gets at everything. Macros and Git remember their answers, and are for one goroutine.
package reach

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/macros"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// Macros tells of every unit which macros it may run, and what those get at beside their
// tokens. A unit may run the macros it depends on and whatever its library dependencies
// re-export, but not those that other macros or scripts were made with.
type Macros struct {
	extra   []rule.MacroRange
	sources func(u *builddir.Unit) ([]rustsrc.Source, error) // that rustc has read for a unit

	running map[*builddir.Unit][]*builddir.Unit
	code    map[*builddir.Unit]rustsrc.Reach
	macros  map[*builddir.Unit]rustsrc.Reach
}

// NewMacros returns Macros that reads the sources of units with sources. extra are macros
// that the user holds for pure.
func NewMacros(extra []rule.MacroRange, sources func(*builddir.Unit) ([]rustsrc.Source, error)) *Macros {
	return &Macros{extra, sources, map[*builddir.Unit][]*builddir.Unit{}, map[*builddir.Unit]rustsrc.Reach{}, map[*builddir.Unit]rustsrc.Reach{}}
}

// Impure returns the name of a macro that u may run and that is not pure, "" if there
// is none, and what all that it may run get at.
func (m *Macros) Impure(u *builddir.Unit) (name string, reach rustsrc.Reach) {
	for _, d := range m.runs(u) {
		r := m.Of(d)
		if name == "" && !r.Pure() {
			name = d.Package
		}
		reach = reach.Join(r)
	}
	return name, reach
}

// runs returns the macros that u may run.
func (m *Macros) runs(u *builddir.Unit) []*builddir.Unit {
	if list, ok := m.running[u]; ok {
		return list
	}
	m.running[u] = nil
	var list []*builddir.Unit
	seen := map[*builddir.Unit]bool{}
	add := func(macro *builddir.Unit) {
		if !seen[macro] {
			seen[macro] = true
			list = append(list, macro)
		}
	}
	for _, d := range u.Deps {
		switch {
		case d == nil || d.Run:
		case d.Kind == builddir.KindMacro:
			add(d)
		default:
			for _, macro := range m.runs(d) {
				add(macro)
			}
		}
	}
	m.running[u] = list
	return list
}

// Of returns what a macro gets at: what the list of known macros says, or else what the
// sources of all that it is made of name.
func (m *Macros) Of(macro *builddir.Unit) rustsrc.Reach {
	if r, ok := m.macros[macro]; ok {
		return r
	}
	r := m.found(macro)
	m.macros[macro] = r
	return r
}

func (m *Macros) found(macro *builddir.Unit) rustsrc.Reach {
	if version := macro.RegistryVersion(); version != "" {
		if macros.Pure(macro.Package, version, m.extra...) {
			return rustsrc.Reach{}
		}
		if variables, ok := macros.Known(macro.Package, version); ok {
			return rustsrc.Reach{Variables: variables}
		}
	}
	total := rustsrc.Reach{}
	seen := map[*builddir.Unit]bool{}
	var visit func(u *builddir.Unit)
	visit = func(u *builddir.Unit) {
		if seen[u] || total.Any != "" {
			return
		}
		seen[u] = true
		total = total.Join(m.codeOf(u))
		for _, d := range u.Deps {
			switch {
			case d == nil:
				total = total.Join(rustsrc.Unread)
			case !d.Run && d.Kind != builddir.KindMacro:
				visit(d)
			}
		}
	}
	visit(macro)
	return total.Settle()
}

// codeOf returns what a crate's own code gets at, with what macros may have added to it.
func (m *Macros) codeOf(u *builddir.Unit) rustsrc.Reach {
	if r, ok := m.code[u]; ok {
		return r
	}
	c := rustsrc.Crate{}
	r := rustsrc.Reach{}
	for _, macro := range m.runs(u) {
		c.Expanded = true
		if version := macro.RegistryVersion(); version == "" || !macros.Expands(macro.Package, version) {
			r = rustsrc.Reach{Any: "code by macro " + macro.Package}
		}
	}
	if u.RegistryVersion() != "" {
		c.Base = rustsrc.BaseOf(strings.ReplaceAll(u.Package, "-", "_"))
	}
	if r.Any == "" {
		var err error
		if c.Sources, err = m.sources(u); err != nil || len(c.Sources) == 0 {
			r = rustsrc.Unread
		} else {
			r = c.Reach()
		}
	}
	m.code[u] = r
	return r
}
