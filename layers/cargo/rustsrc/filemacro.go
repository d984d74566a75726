package rustsrc

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
