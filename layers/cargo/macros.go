package cargo

import (
	"path"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/macros"
)

// MacroRange is a procedural macro package, in a range of versions, that is known
// to look at nothing but the tokens it is given.
type MacroRange = macros.Range

// isPure reports whether the macro u is known to be pure: a registry package of
// a name and version that has been read.
func (u *built) isPure(extra []MacroRange) bool {
	version, ok := strings.CutPrefix(path.Base(u.from), u.pkg+"-")
	return ok && u.source == SourceRegistry && macros.Pure(u.pkg, version, extra...)
}

// macroUse answers, for every unit, which macro not known to be pure it may
// run: its own dependencies and whatever library dependencies re-export, but not
// the macros that other macros or scripts were made with.
type macroUse struct {
	extra []MacroRange
	memo  map[*built]string
}

// impure returns the name of one such macro, or "".
func (m *macroUse) impure(u *built) string {
	if name, ok := m.memo[u]; ok {
		return name
	}
	m.memo[u] = ""
	name := ""
	for _, d := range u.deps {
		switch {
		case d == nil || d.run:
		case d.Kind == kindMacro:
			if !d.isPure(m.extra) {
				name = d.pkg
			}
		default:
			if n := m.impure(d); n != "" {
				name = n
			}
		}
		if name != "" {
			break
		}
	}
	m.memo[u] = name
	return name
}
