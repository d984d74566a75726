package rustsrc

import "strings"

// Texts lists the string literals in src, byte and C strings among them, and its
// identifiers, each once. The names of files that rustc includes are left out: it
// lists those itself.
func Texts(src []byte) (texts, words []string) {
	p := parser(lex(src))
	given := p.redefines()
	seen := map[token]bool{}
	for i := 0; i < len(p); i++ {
		t := p[i]
		if t.kind == ident && includeMacros[t.text] && !given {
			i = p.callEnd(i + 1)
			continue
		}
		if t.kind == punct || t.text == "" || seen[t] {
			continue
		}
		seen[t] = true
		if t.kind == ident {
			words = append(words, t.text)
		} else {
			texts = append(texts, t.text)
		}
	}
	return texts, words
}

// callEnd is the index of the bracket that closes a macro's arguments, or of the
// token before i if it is no call.
func (p parser) callEnd(i int) int {
	at, ok := p.open(i)
	if !ok {
		return i - 1
	}
	for depth := 1; at < len(p); at++ {
		if p[at].kind != punct {
			continue
		}
		if strings.Contains("([{", p[at].text) {
			depth++
		} else if strings.Contains(")]}", p[at].text) {
			if depth--; depth == 0 {
				return at
			}
		}
	}
	return at
}
