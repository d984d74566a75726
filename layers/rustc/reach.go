package rustc

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/macros"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// A Macro is a procedural macro that may run where a unit is a dependency.
type Macro struct {
	Name  string
	Reach rustsrc.Reach
	// Expands: what it adds to a crate, that crate's own sources tell, and its own.
	Expands bool
}

// unmarkedMacros stands for the macros of a dependency that has no mark.
func unmarkedMacros(name string) Macro { return Macro{Name: "of " + name, Reach: rustsrc.Unread} }

// running are the macros that may run in this call.
func (u *unit) running() []Macro {
	var list []Macro
	for _, m := range u.marks {
		list = append(list, m.Macros...)
	}
	if len(u.unmarked) > 0 {
		list = append(list, unmarkedMacros(u.unmarked[0]))
	}
	return sortedMacros(list)
}

func sortedMacros(list []Macro) []Macro {
	key := func(m Macro) string { return m.Name + "\x00" + strings.Join(m.words(), "\x00") }
	slices.SortFunc(list, func(a, b Macro) int { return strings.Compare(key(a), key(b)) })
	return slices.CompactFunc(list, func(a, b Macro) bool { return key(a) == key(b) })
}

// reach is what the macros get at together that may run in this call.
func (u *unit) reach() rustsrc.Reach {
	r := rustsrc.Reach{}
	for _, m := range u.running() {
		r = r.Join(m.Reach)
	}
	return r
}

// registered reports whether the package is one that a registry has by its name and
// version.
func (u *unit) registered() (name, version string, ok bool) {
	name, _ = u.env("CARGO_PKG_NAME")
	version, _ = u.env("CARGO_PKG_VERSION")
	return name, version, u.inHome("/registry/src") && filepath.Base(u.cwd) == name+"-"+version
}

// above are the macros that may run in what depends on this unit, of which code is
// what its own code gets at.
func (u *unit) above(code rustsrc.Reach) []Macro {
	if !slices.Contains(u.Types, "proc-macro") {
		return u.running()
	}
	if !u.Links() {
		code = rustsrc.Unread // what is below was not looked at, and nobody can run it
	}
	name, version, ok := u.registered()
	m := Macro{Name: name, Reach: u.codeBelow.Join(code).Settle()}
	if ok {
		if reach, known := macros.Known(name, version); known {
			m.Reach = rustsrc.Reach{Variables: reach}
		}
		m.Expands = macros.Expands(name, version)
	}
	return []Macro{m}
}

// isEnd reports whether no macro can be made of what the call makes.
func (u *unit) isEnd() bool { return u.Links() && !slices.Contains(u.Types, "proc-macro") }

// code is what the crate's own code gets at: that which rustc has read for it, and
// what macros may have made of it.
func (u *unit) code(names []string, sources [][]byte, natives int) rustsrc.Reach {
	if u.isEnd() {
		return rustsrc.Unread
	}
	if natives > 0 {
		return rustsrc.Reach{Any: "a native library"}
	}
	c := rustsrc.Crate{}
	for i, text := range sources {
		c.Sources = append(c.Sources, rustsrc.Source{Name: names[i], Text: text})
	}
	for _, m := range u.running() {
		if !m.Expands {
			return rustsrc.Reach{Any: "code by macro " + m.Name}
		}
		c.Expanded = true
	}
	if _, _, ok := u.registered(); ok {
		c.Base = rustsrc.BaseOf(u.Crate)
	}
	return c.Reach()
}

// codeOf is what the code of a record that holds gets at. Where another rule has found
// that, it is found anew.
func (r *Request) codeOf(rec *Record) rustsrc.Reach {
	if rec.Code.Any != rustsrc.Unread.Any || r.unit.isEnd() {
		return rec.Code
	}
	names := depfile.Inputs(r.DepFile(rec))
	var sources [][]byte
	for _, name := range names {
		text, _, err := readFile(r.unit.abs(name))
		if err != nil {
			return rustsrc.Unread
		}
		sources = append(sources, text)
	}
	return r.unit.code(names, sources, len(rec.Natives))
}

func (m Macro) words() []string {
	kind := "composes"
	if m.Expands {
		kind = "expands"
	}
	return append([]string{m.Name, kind}, m.Reach.Words()...)
}

func parseMacro(words []string) (Macro, bool) {
	if len(words) < 3 || words[1] != "composes" && words[1] != "expands" {
		return Macro{}, false
	}
	return Macro{words[0], rustsrc.ParseReach(words[2:]), words[1] == "expands"}, true
}
