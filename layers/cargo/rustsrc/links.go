package rustsrc

import "strings"

// Link is a native library that an attribute #[link] asks for.
type Link struct {
	Name string // "" if it is not written as a plain string
	Kind string // "" if none is named
}

// Links returns what the attributes of a file ask for, including those that a condition
// excludes.
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
