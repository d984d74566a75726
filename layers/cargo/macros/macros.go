// Package macros lists procedural macros that are known to look at nothing but the tokens
// they are given. All others may read any file and variable, unseen by rustc and cargo.
//
// Its functions compare names and versions with lists; they may be called concurrently.
package macros

import "strings"

// Range is a procedural macro package, in a range of versions, that is
// known to look at nothing but the tokens it is given.
type Range struct {
	Name string `yaml:"name"`
	// From and Below bound the versions: From <= version < Below. Empty: no
	// bound on that side.
	From  string `yaml:"from"`
	Below string `yaml:"below"`
}

// known are macros whose sources were read, at both ends of the range:
// neither they nor what they are made of touch files, the environment, processes
// or the network. docs/soundness-macros.md says what was looked for and found,
// and how to read one and add it. A range ends where nobody has read yet.
var known = []Range{
	{"async-recursion", "1.0.0", "1.2.1"},
	{"async-stream-impl", "0.3.0", "0.3.7"},
	{"async-trait", "0.1.40", "0.1.93"},
	{"bytemuck_derive", "1.0.0", "1.12.2"},
	{"const_format_proc_macros", "0.2.0", "0.2.38"},
	{"darling_macro", "0.13.0", "0.24.2"},
	{"derivative", "2.2.0", "2.2.1"},
	{"derive_more-impl", "1.0.0", "2.1.2"},
	{"displaydoc", "0.2.0", "0.2.8"},
	{"educe", "0.4.0", "0.8.2"},
	{"enum-map-derive", "0.6.0", "1.0.2"},
	{"enum-ordinalize-derive", "4.4.2", "4.4.3"},
	{"enumflags2_derive", "0.7.0", "0.7.13"},
	{"futures-macro", "0.3.21", "0.3.35"},
	{"getset", "0.1.0", "0.1.8"},
	{"indoc", "2.0.0", "2.0.9"},
	{"monostate-impl", "0.1.0", "1.0.4"},
	{"num-derive", "0.3.0", "0.5.2"},
	{"pin-project-internal", "1.0.0", "1.1.14"},
	{"prost-derive", "0.9.0", "0.14.5"},
	{"ref-cast-impl", "1.0.0", "1.0.28"},
	{"schemars_derive", "0.8.0", "1.2.4"},
	{"serde_derive", "1.0.100", "1.0.230"},
	{"serde_repr", "0.1.0", "0.1.22"},
	{"serde_with_macros", "1.5.0", "3.24.1"},
	{"thiserror-impl", "1.0.0", "2.0.22"},
	{"time-macros", "0.2.0", "0.2.33"},
	{"tokio-macros", "2.0.0", "2.7.3"},
	{"tracing-attributes", "0.1.20", "0.1.32"},
	{"typed-builder-macro", "0.16.0", "0.23.3"},
	{"yoke-derive", "0.7.0", "0.8.5"},
	{"zerocopy-derive", "0.7.0", "0.8.64"},
	{"zerofrom-derive", "0.1.0", "0.1.9"},
	{"zeroize_derive", "1.4.2", "1.5.1"},
	{"zerovec-derive", "0.11.7", "0.11.8"},
}

func (r Range) covers(name, version string) bool {
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

// Pure reports whether a macro package of a registry, by name and version, is known to
// look at its tokens alone, from the list or by one of the ranges in more.
func Pure(name, version string, more ...Range) bool {
	if version == "" || version[0] < '0' || version[0] > '9' {
		return false
	}
	for _, list := range [][]Range{known, more} {
		for _, r := range list {
			if r.covers(name, version) {
				return true
			}
		}
	}
	return false
}

// Known returns the variables that a macro package of a registry, by name and version, is
// known to read, mostly none; it reads nothing else. ok is false if the package is not in
// the lists.
func Known(name, version string) (variables []string, ok bool) {
	if Pure(name, version) {
		return nil, true
	}
	for _, r := range reading {
		if r.covers(name, version) {
			return r.variables, true
		}
	}
	return nil, false
}

// reading are macros whose sources were read like those of the others, and that look
// at some variables by names which stand elsewhere than where they are looked up.
var reading = []struct {
	Range
	variables []string
}{
	{Range{"clap_derive", "4.0.0", "4.6.10"}, []string{"CARGO_PKG_AUTHORS", "CARGO_PKG_DESCRIPTION", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"}},
}

// Expands reports whether all names in the code that a macro adds to a crate stand in the
// sources of that crate or of the macro: it is known to put none together from pieces.
func Expands(name, version string) bool {
	return Pure(name, version) && name != "const_format_proc_macros" || Pure(name, version, expanding...)
}

// expanding are further macros of that kind, which macros are made with.
var expanding = []Range{
	{"proc-macro-error-attr", "0.4.3", "1.0.5"},
	{"proc-macro-error-attr2", "2.0.0", "2.0.1"},
}
