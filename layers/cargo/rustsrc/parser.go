package rustsrc

// parser looks for the few forms of macro calls that matter. Its methods take a
// token's index and are false beyond the end.
type parser []token

var (
	includeMacros = map[string]bool{"include": true, "include_str": true, "include_bytes": true}
	builtinMacros = map[string]bool{"include": true, "include_str": true, "include_bytes": true, "concat": true, "env": true}
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
		if t.kind != ident || !builtinMacros[t.text] {
			continue
		}
		if p.is(i-1, punct, "!") && p.is(i-2, ident, "macro_rules") || p.is(i-1, ident, "macro") {
			return true
		}
		if includeMacros[t.text] && !p.is(i+1, punct, "!") {
			return true
		}
	}
	return false
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

// bracketEnd is the index behind the bracket that closes the one at i.
func (p parser) bracketEnd(i int) int {
	depth := 0
	for ; i < len(p); i++ {
		if p[i].kind != punct {
			continue
		}
		switch p[i].text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}
