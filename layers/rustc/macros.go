package rustc

import (
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/macros"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// unknownMacros stands for the macros of a dependency that has no trailer.
func unknownMacros(name string) Macro { return Macro{Name: "of " + name, Reach: rustsrc.Unread} }

// macrosInCall are the macros that may run in this call.
func (u *unit) macrosInCall() []Macro {
	var list []Macro
	for _, m := range u.trailers {
		list = append(list, m.Macros...)
	}
	if len(u.withoutTrailer) > 0 {
		list = append(list, unknownMacros(u.withoutTrailer[0]))
	}
	return sortedMacros(list)
}

func sortedMacros(list []Macro) []Macro {
	key := func(m Macro) string { return m.Name + "\x00" + strings.Join(m.words(), "\x00") }
	slices.SortFunc(list, func(a, b Macro) int { return strings.Compare(key(a), key(b)) })
	return slices.CompactFunc(list, func(a, b Macro) bool { return key(a) == key(b) })
}

// macroReach is what all macros that may run in this call get at together.
func (u *unit) macroReach() rustsrc.Reach {
	r := rustsrc.Reach{}
	for _, m := range u.macrosInCall() {
		r = r.Join(m.Reach)
	}
	return r
}

// exposedMacros are the macros that may run in what depends on this unit. code is what
// the unit's own code gets at.
func (u *unit) exposedMacros(code rustsrc.Reach) []Macro {
	if !slices.Contains(u.Types, "proc-macro") {
		return u.macrosInCall()
	}
	if !u.Links() {
		code = rustsrc.Unread // what is below was not looked at, and nobody can run it
	}
	name, version, ok := u.registered()
	m := Macro{Name: name, Reach: u.linkedReach.Join(code).Settle()}
	if ok {
		if reach, known := macros.Known(name, version); known {
			m.Reach = rustsrc.Reach{Variables: reach}
		}
		m.Expands = macros.Expands(name, version)
	}
	return []Macro{m}
}

// isFinal reports whether no macro can be made of what the call makes.
func (u *unit) isFinal() bool { return u.Links() && !slices.Contains(u.Types, "proc-macro") }

// codeReach is what the crate's own code gets at: that which rustc has read for it, and
// what macros may have made of it.
func (u *unit) codeReach(names []string, sources [][]byte, natives int) rustsrc.Reach {
	if u.isFinal() {
		return rustsrc.Unread
	}
	git := u.gitNamed(sources)
	if natives > 0 {
		return rustsrc.Reach{Any: "a native library", Git: git}
	}
	c := rustsrc.Crate{}
	for i, text := range sources {
		c.Sources = append(c.Sources, rustsrc.Source{Name: names[i], Text: text})
	}
	for _, m := range u.macrosInCall() {
		if !m.Expands {
			return rustsrc.Reach{Any: "code by macro " + m.Name, Git: git}
		}
		c.Expanded = true
	}
	if _, _, ok := u.registered(); ok {
		c.Base = rustsrc.BaseOf(u.Crate)
	}
	r := c.Reach()
	r.Git = git
	return r
}

// gitNamed is a name by which the crate's own code, or what macros have made of it, may
// ask git; "" if there is none.
func (u *unit) gitNamed(sources [][]byte) string {
	if rustsrc.ReadsGit(u.Crate) {
		return u.Crate
	}
	for _, m := range u.macrosInCall() {
		if m.Reach.Git != "" {
			return m.Reach.Git
		}
	}
	if slices.ContainsFunc(sources, rustsrc.NamesGit) {
		return "git"
	}
	return ""
}
