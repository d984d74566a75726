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

// include matches an include of an environment variable whose macro name is at
// i and returns the index of the variable's name.
func (p parser) include(i int) (at int, ok bool) {
	if !p.isIdent(i) || !includeMacros[p[i].text] || !p.unqualified(i) {
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
