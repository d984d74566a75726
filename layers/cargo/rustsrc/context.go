package rustsrc

import (
	"slices"
	"strings"
)

// tokenContext says what a token is part of.
type tokenContext uint8

const (
	inCode       tokenContext = iota
	inExpression              // an argument of a macro that evaluates its arguments
	inMacro                   // an argument of another macro, which may make anything of it
	inQuote                   // code that a macro writes
)

// contexts returns the context of each token. A macro's definition is code like any other:
// what it adds is written there, and what it is given is written where it is called.
func (p parser) contexts() []tokenContext {
	list := make([]tokenContext, len(p))
	type bracket struct {
		of      tokenContext
		spanned bool
	}
	stack := []bracket{{}}
	for i, t := range p {
		top := &stack[len(stack)-1]
		list[i] = top.of
		if t.kind != punct {
			continue
		}
		switch t.text {
		case "(", "[", "{":
			inner := bracket{of: max(top.of, p.argumentsOf(i))}
			if inner.of == inQuote && top.of < inQuote && strings.HasSuffix(p[i-2].text, "_spanned") {
				// Before the arrow is an expression: quote_spanned!(span=> tokens).
				inner = bracket{of: max(top.of, inExpression), spanned: true}
			}
			stack = append(stack, inner)
		case ")", "]", "}":
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
				list[i] = stack[len(stack)-1].of
			}
		case ">":
			if top.spanned && p.is(i-1, punct, "=") {
				top.of, top.spanned = inQuote, false
			}
		}
	}
	return list
}

// argumentsOf returns the context that the bracket at i gives to what is in it.
func (p parser) argumentsOf(i int) tokenContext {
	switch {
	case p.is(i-1, punct, "!") && p.isIdent(i-2):
		name := p[i-2].text
		switch {
		case quotingMacros[name] && p.ofCrate(i-2, "quote", "syn"):
			return inQuote
		case standardMacros[name] && p.ofCrate(i-2, "std", "core", "alloc"):
			return inExpression
		}
		return inMacro
	case p.is(i, punct, "[") && (p.is(i-1, punct, "#") || p.is(i-1, punct, "!") && p.is(i-2, punct, "#")):
		return inMacro // an attribute's may be a macro's
	}
	return inCode
}

// quoting are macros of the crates quote and syn whose arguments are tokens to write;
// standard are macros whose arguments are expressions.
var (
	quotingMacros  = map[string]bool{"quote": true, "quote_spanned": true, "parse_quote": true, "parse_quote_spanned": true}
	standardMacros = map[string]bool{
		"assert": true, "assert_eq": true, "assert_ne": true, "debug_assert": true, "debug_assert_eq": true, "eprintln": true, "format": true,
		"format_args": true, "matches": true, "panic": true, "println": true, "unreachable": true, "vec": true, "write": true, "writeln": true,
	}
)

// ofCrate reports whether the macro named at i is called by that name alone or as that
// of one of these crates.
func (p parser) ofCrate(i int, crates ...string) bool {
	if !p.colons(i - 2) {
		return true
	}
	return p.isIdent(i-3) && slices.Contains(crates, p[i-3].text) && !(p.colons(i-5) && (p.isIdent(i-6) || p.is(i-6, punct, ">")))
}

// imported tells which tokens are names in a use.
func (p parser) imported() []bool {
	uses := make([]bool, len(p))
	for i := 0; i < len(p); i++ {
		if !p.is(i, ident, "use") {
			continue
		}
		for i++; i < len(p) && !p.is(i, punct, ";"); i++ {
			uses[i] = true
		}
	}
	return uses
}

// testOnly tells which tokens are of an item that is compiled for tests alone.
func (p parser) testOnly(stands []tokenContext) []bool {
	tested := make([]bool, len(p))
	attribute := func(i int) (end int, ok bool) {
		if !p.is(i, punct, "#") || !p.is(i+1, punct, "[") {
			return i, false
		}
		return p.bracketEnd(i + 1), true
	}
	for i := 0; i < len(p); i++ {
		end, ok := attribute(i)
		configured := end == i+7 && p.is(i+2, ident, "cfg") && p.is(i+3, punct, "(") && p.is(i+4, ident, "test")
		if !ok || stands[i] != inCode || !configured && !(end == i+4 && p.is(i+2, ident, "test")) {
			continue
		}
		for ok {
			i = end
			end, ok = attribute(i)
		}
		body := p.body(i)
		if body == i {
			continue
		}
		for end := p.bracketEnd(body); i < end; i++ {
			tested[i] = true
		}
		i--
	}
	return tested
}

// body is where the braces of the item at i begin; i itself where it has none, or is
// no item.
func (p parser) body(i int) int {
	for at := i; at < len(p); {
		switch {
		case p.is(at, punct, "{"):
			return at
		case p.is(at, punct, "("), p.is(at, punct, "["):
			at = p.bracketEnd(at)
			continue
		case p[at].kind == punct && strings.Contains(";,=)]}!", p[at].text):
			return i
		}
		at++
	}
	return i
}
