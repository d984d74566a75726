package cargo

import (
	"path"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/macros"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// MacroRange is a procedural macro package, in a range of versions, that is known
// to look at nothing but the tokens it is given.
type MacroRange = macros.Range

// registered is the version of a registry package, "" of any other.
func (u *built) registered() string {
	version, ok := strings.CutPrefix(path.Base(u.from), u.pkg+"-")
	if !ok || u.source != SourceRegistry {
		return ""
	}
	return version
}

// macroUse answers, for every unit, which macro that gets at more than its tokens it
// may run, and what all that it may run get at: its own dependencies and whatever
// library dependencies re-export, but not the macros that other macros or scripts were
// made with.
type macroUse struct {
	extra   []MacroRange
	sources func(u *built) ([]rustsrc.Source, error) // that rustc has read for a unit

	running map[*built][]*built
	code    map[*built]rustsrc.Reach
	macros  map[*built]rustsrc.Reach
}

// newMacroUse answers for units whose sources are read with sources. extra are macros
// that the user holds for pure. It is for one goroutine.
func newMacroUse(extra []MacroRange, sources func(*built) ([]rustsrc.Source, error)) *macroUse {
	return &macroUse{extra, sources, map[*built][]*built{}, map[*built]rustsrc.Reach{}, map[*built]rustsrc.Reach{}}
}

// impure returns the name of a macro that u may run and that is not pure, "" if there
// is none, and what all get at together.
func (m *macroUse) impure(u *built) (name string, reach rustsrc.Reach) {
	for _, d := range m.runs(u) {
		r := m.reach(d)
		if name == "" && !r.Pure() {
			name = d.pkg
		}
		reach = reach.Join(r)
	}
	return name, reach
}

// runs are the macros that u may run.
func (m *macroUse) runs(u *built) []*built {
	if list, ok := m.running[u]; ok {
		return list
	}
	m.running[u] = nil
	var list []*built
	seen := map[*built]bool{}
	add := func(macro *built) {
		if !seen[macro] {
			seen[macro] = true
			list = append(list, macro)
		}
	}
	for _, d := range u.deps {
		switch {
		case d == nil || d.run:
		case d.Kind == kindMacro:
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

// reach is what a macro gets at: as it is known, or as the sources name it of all that
// it is made of.
func (m *macroUse) reach(macro *built) rustsrc.Reach {
	if r, ok := m.macros[macro]; ok {
		return r
	}
	r := m.found(macro)
	m.macros[macro] = r
	return r
}

func (m *macroUse) found(macro *built) rustsrc.Reach {
	if version := macro.registered(); version != "" {
		if macros.Pure(macro.pkg, version, m.extra...) {
			return rustsrc.Reach{}
		}
		if variables, ok := macros.Known(macro.pkg, version); ok {
			return rustsrc.Reach{Variables: variables}
		}
	}
	total := rustsrc.Reach{}
	seen := map[*built]bool{}
	var visit func(u *built)
	visit = func(u *built) {
		if seen[u] || total.Any != "" {
			return
		}
		seen[u] = true
		total = total.Join(m.codeOf(u))
		for _, d := range u.deps {
			switch {
			case d == nil:
				total = total.Join(rustsrc.Unread)
			case !d.run && d.Kind != kindMacro:
				visit(d)
			}
		}
	}
	visit(macro)
	return total.Settle()
}

// codeOf is what a crate's own code gets at, and that which macros may have added.
func (m *macroUse) codeOf(u *built) rustsrc.Reach {
	if r, ok := m.code[u]; ok {
		return r
	}
	c := rustsrc.Crate{}
	r := rustsrc.Reach{}
	for _, macro := range m.runs(u) {
		c.Expanded = true
		if version := macro.registered(); version == "" || !macros.Expands(macro.pkg, version) {
			r = rustsrc.Reach{Any: "code by macro " + macro.pkg}
		}
	}
	if u.registered() != "" {
		c.Base = rustsrc.BaseOf(strings.ReplaceAll(u.pkg, "-", "_"))
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
