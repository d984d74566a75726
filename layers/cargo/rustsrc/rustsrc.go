// Package rustsrc finds names in Rust source files.
//
// It answers one question: does a crate that reads an environment variable at
// compile time keep the value, or use it only to name a file that it includes?
// A file's text alone is looked at. Macros are not expanded, so a macro from
// elsewhere that takes an include apart is not noticed; everything that is not
// plainly an include counts against the crate.
//
// The functions accept any bytes, keep no state and may be called concurrently.
package rustsrc

import "strings"

// Uses counts the places outside of comments where a file writes a name.
type Uses struct {
	// Includes are uses that name a file: env!("NAME") as the argument of
	// include!, include_str! or include_bytes!, or as the first piece of a
	// concat! there, with a literal that begins with "/" next to it, or with "\\",
	// as in the variant for Windows that crates have beside the other one.
	Includes int
	// Elsewhere are all others. Uses of env! and option_env! whose argument is
	// not a plain string count for every name.
	Elsewhere int
}

// EnvUses counts the uses of the variable name in src.
func EnvUses(src []byte, name string) Uses {
	p := parser(lex(src))
	var uses Uses
	included := map[int]bool{}
	if !p.redefines() {
		for i := range p {
			if at, ok := p.include(i); ok && p[at].is(str, name) {
				included[at] = true
				uses.Includes++
			}
		}
	}
	for i, t := range p {
		if included[i] {
			continue
		}
		uses.Elsewhere += t.mentions(name)
		if p.computedEnv(i) {
			uses.Elsewhere++
		}
	}
	return uses
}

// Mentions counts how often word occurs outside of comments: as an identifier,
// or as a whole word in a string.
func Mentions(src []byte, word string) int {
	n := 0
	for _, t := range lex(src) {
		n += t.mentions(word)
	}
	return n
}

func (t token) mentions(word string) int {
	if t.kind == punct || word == "" {
		return 0
	}
	if t.kind == ident {
		if t.text == word {
			return 1
		}
		return 0
	}
	n := 0
	for from := 0; ; {
		i := strings.Index(t.text[from:], word)
		if i < 0 {
			return n
		}
		start, end := from+i, from+i+len(word)
		if (start == 0 || !isIdent(t.text[start-1])) && (end == len(t.text) || !isIdent(t.text[end])) {
			n++
		}
		from = end
	}
}

// NamesItself reports whether a file asks for its own name, by file!() outside of
// the macros that it defines, or in one of these that it calls itself. What a macro
// of another crate makes of the name, in a message of a panic or a log, is not seen.
func NamesItself(src []byte) bool {
	p := parser(lex(src))
	defining := map[string]bool{} // macros with file!() in them
	name, depth := "", 0
	for i, t := range p {
		if name == "" && p.is(i-1, punct, "!") && p.is(i-2, ident, "macro_rules") && t.kind == ident {
			name, depth = t.text, 0
			continue
		}
		if name != "" {
			switch {
			case p.is(i, punct, "{"), p.is(i, punct, "("), p.is(i, punct, "["):
				depth++
			case p.is(i, punct, "}"), p.is(i, punct, ")"), p.is(i, punct, "]"):
				depth--
			}
		}
		if p.is(i, ident, "file") && p.is(i+1, punct, "!") {
			if name == "" {
				return true
			}
			defining[name] = true
		}
		if name != "" && depth == 0 {
			name = ""
		}
	}
	for i, t := range p {
		if t.kind == ident && defining[t.text] && p.is(i+1, punct, "!") && !p.is(i-1, punct, "!") {
			return true
		}
	}
	return false
}

// parser looks for the few forms of macro calls that matter. Its methods take a
// token's index and are false beyond the end.
type parser []token

var (
	includes = map[string]bool{"include": true, "include_str": true, "include_bytes": true}
	builtins = map[string]bool{"include": true, "include_str": true, "include_bytes": true, "concat": true, "env": true}
)

func (p parser) is(i int, k kind, text string) bool {
	return i >= 0 && i < len(p) && p[i].is(k, text)
}

func (p parser) isIdent(i int) bool { return i >= 0 && i < len(p) && p[i].kind == ident }

func (p parser) colons(i int) bool { return p.is(i, punct, ":") && p.is(i+1, punct, ":") }

func (p parser) std(i int) bool { return p.is(i, ident, "std") || p.is(i, ident, "core") }

// redefines tells whether the file may give one of the macros another meaning:
// by macro_rules!, or by importing something called include.
func (p parser) redefines() bool {
	for i, t := range p {
		if t.kind != ident || !builtins[t.text] {
			continue
		}
		if p.is(i-1, punct, "!") && p.is(i-2, ident, "macro_rules") || p.is(i-1, ident, "macro") {
			return true
		}
		if includes[t.text] && !p.is(i+1, punct, "!") {
			return true
		}
	}
	return false
}

// include matches an include of an environment variable whose macro name is at
// i and returns the index of the variable's name.
func (p parser) include(i int) (at int, ok bool) {
	if !p.isIdent(i) || !includes[p[i].text] || !p.unqualified(i) {
		return 0, false
	}
	arg, ok := p.open(i + 1)
	if !ok {
		return 0, false
	}
	if name, end, ok := p.env(arg); ok {
		_, ok = p.closing(end)
		return name, ok
	}
	piece, ok := p.call(arg, "concat")
	if !ok {
		return 0, false
	}
	name, end, ok := p.env(piece)
	if !ok || !p.is(end, punct, ",") || end+1 >= len(p) {
		return 0, false
	}
	next := p[end+1]
	return name, next.kind == str && (strings.HasPrefix(next.text, "/") || strings.HasPrefix(next.text, `\`))
}

// unqualified tells that the path which ends at i is a bare name, or one in std
// or core.
func (p parser) unqualified(i int) bool {
	if !p.colons(i - 2) {
		return true
	}
	return p.std(i-3) && !(p.colons(i-5) && p.isIdent(i-6))
}

// call matches [::][std::]name!( and returns what is behind it.
func (p parser) call(i int, name string) (arg int, ok bool) {
	if p.colons(i) && p.std(i+2) {
		i += 2
	}
	if p.std(i) && p.colons(i+1) {
		i += 3
	}
	if !p.is(i, ident, name) {
		return 0, false
	}
	return p.open(i + 1)
}

// open matches a macro's exclamation mark and opening bracket.
func (p parser) open(i int) (arg int, ok bool) {
	bracket := p.is(i+1, punct, "(") || p.is(i+1, punct, "[") || p.is(i+1, punct, "{")
	return i + 2, p.is(i, punct, "!") && bracket
}

// closing matches an optional comma and a closing bracket.
func (p parser) closing(i int) (end int, ok bool) {
	if p.is(i, punct, ",") {
		i++
	}
	return i + 1, p.is(i, punct, ")") || p.is(i, punct, "]") || p.is(i, punct, "}")
}

// env matches env!("NAME") or env!("NAME", "message") and returns the index of
// the name and what is behind the call.
func (p parser) env(i int) (name, end int, ok bool) {
	name, ok = p.call(i, "env")
	if !ok || name >= len(p) || p[name].kind != str {
		return 0, 0, false
	}
	i = name + 1
	if p.is(i, punct, ",") && i+1 < len(p) && p[i+1].kind == str {
		i += 2
	}
	end, ok = p.closing(i)
	return name, end, ok
}

// computedEnv tells that env! or option_env! is called at i with something else
// than a string, such as a concat! or a macro's parameter.
func (p parser) computedEnv(i int) bool {
	if !p.is(i, ident, "env") && !p.is(i, ident, "option_env") {
		return false
	}
	arg, ok := p.open(i + 1)
	if !ok {
		return false
	}
	if arg >= len(p) || p[arg].kind != str {
		return true
	}
	if p.is(arg+1, punct, ",") {
		return false
	}
	_, ok = p.closing(arg + 1)
	return !ok
}

// Link is a native library that an attribute #[link] asks for. Name is "" where
// it is not written as a plain string; Kind is "" where none is named.
type Link struct{ Name, Kind string }

// Links returns what the attributes of a file ask for, those that a condition takes
// out included.
func Links(src []byte) []Link {
	// Few files have the word, and fewer the attribute.
	if !strings.Contains(string(src), "link") {
		return nil
	}
	p := parser(lex(src))
	var links []Link
	for i := range p {
		if !p.is(i, ident, "link") || !p.is(i+1, punct, "(") || !p.attribute(i) {
			continue
		}
		link := Link{}
		depth := 0
		for j := i + 1; j < len(p); j++ {
			switch {
			case p.is(j, punct, "("):
				depth++
			case p.is(j, punct, ")"):
				depth--
			case depth == 1 && p.is(j+1, punct, "=") && j+2 < len(p) && p[j+2].kind == str:
				if p.is(j, ident, "name") {
					link.Name = p[j+2].text
				}
				if p.is(j, ident, "kind") {
					link.Kind = p[j+2].text
				}
			}
			if depth == 0 {
				break
			}
		}
		links = append(links, link)
	}
	return links
}

// attribute tells that the name at i begins an attribute, or one inside a
// cfg_attr: no call of a function of that name.
func (p parser) attribute(i int) bool {
	if p.is(i-1, punct, "[") {
		return p.is(i-2, punct, "#") || p.is(i-2, punct, "!")
	}
	if p.is(i-1, punct, "(") && (p.is(i-2, ident, "unsafe")) {
		return true
	}
	return p.is(i-1, punct, ",") && p.within(i, "cfg_attr")
}

// within tells that i is inside the brackets of an attribute of that name.
func (p parser) within(i int, name string) bool {
	depth := 0
	for ; i > 0; i-- {
		switch {
		case p.is(i, punct, ")"):
			depth++
		case p.is(i, punct, "(") && depth > 0:
			depth--
		case p.is(i, punct, "(") && p.is(i-1, ident, name):
			return true
		}
	}
	return false
}
