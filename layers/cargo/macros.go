package cargo

import (
	"path/filepath"
	"strings"
)

// MacroRange is a procedural macro package, in a range of versions, that is
// known to look at nothing but the tokens it is given.
type MacroRange struct {
	Name string `yaml:"name"`
	// From and Below bound the versions: From <= version < Below. Empty: no
	// bound on that side.
	From  string `yaml:"from"`
	Below string `yaml:"below"`
}

// knownPure are macros whose sources were read: neither they nor what they are
// made of (syn, quote, proc-macro2, unicode-ident, darling, heck) touch files,
// the environment, processes or the network. docs/soundness.md says how to
// read one and add it. A range ends where nobody has read yet.
var knownPure = []MacroRange{
	{"serde_derive", "1.0.100", "1.1.0"},
	{"thiserror-impl", "1.0.0", "3.0.0"},
	{"tokio-macros", "2.0.0", "3.0.0"},
	{"tracing-attributes", "0.1.20", "0.2.0"},
	{"async-trait", "0.1.40", "0.2.0"},
}

func (r MacroRange) covers(name, version string) bool {
	return name == r.Name && (r.From == "" || compareVersions(version, r.From) >= 0) &&
		(r.Below == "" || compareVersions(version, r.Below) < 0)
}

// compareVersions orders versions by their numbers. A pre-release counts as its
// release.
func compareVersions(a, b string) int {
	as, bs := versionNumbers(a), versionNumbers(b)
	for i := range as {
		if as[i] != bs[i] {
			if as[i] < bs[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func versionNumbers(v string) (n [3]int) {
	v, _, _ = strings.Cut(v, "+")
	v, _, _ = strings.Cut(v, "-")
	for i, part := range strings.SplitN(v, ".", 3) {
		for _, c := range part {
			if c < '0' || c > '9' || n[i] > 1<<24 {
				return n
			}
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	return n
}

// isPure reports whether the macro u is known to be pure: a registry package of
// a name and version that has been read.
func (u *built) isPure(extra []MacroRange) bool {
	if u.source != SourceRegistry || u.rustc == nil || len(u.rustc.Deps) == 0 {
		return false
	}
	// .../registry/src/<index>/<name>-<version>/src/lib.rs
	for dir := filepath.Dir(u.rustc.Deps[0]); len(dir) > 1; dir = filepath.Dir(dir) {
		version, ok := strings.CutPrefix(filepath.Base(dir), u.pkg+"-")
		if !ok || version == "" || version[0] < '0' || version[0] > '9' {
			continue
		}
		for _, list := range [][]MacroRange{knownPure, extra} {
			for _, r := range list {
				if r.covers(u.pkg, version) {
					return true
				}
			}
		}
		return false
	}
	return false
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
