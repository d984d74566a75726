package rustsrc

import "strings"

// Source is a file that rustc has read for a crate.
type Source struct {
	Name string // as rustc spells it
	Text []byte
}

// Crate is what has to be known of a crate to find its Reach.
type Crate struct {
	Sources []Source // all files that rustc has read for it
	// Expanded: it uses macros that may make code of its strings.
	Expanded bool
	// Base is its name if it is one of the crates of a registry that macros are written
	// with, else ""; see BaseOf. What such a crate only offers to its dependents does not
	// count as its own reach.
	Base string
}

// Reach returns what the crate gets at.
func (c *Crate) Reach() Reach {
	r := Reach{}
	code := false // files with other names are code, too
	for _, s := range c.Sources {
		if strings.HasSuffix(s.Name, ".rs") {
			p := parser(lex(s.Text))
			r = r.Join(p.reach(c.Expanded, c.Base))
			code = code || p.includesAny()
		}
	}
	for _, s := range c.Sources {
		if code && !strings.HasSuffix(s.Name, ".rs") {
			r = r.Join(parser(lex(s.Text)).reach(c.Expanded, c.Base))
		}
	}
	return r
}

// includesAny reports whether a file may include code from one whose name does not
// end as those of code do.
func (p parser) includesAny() bool {
	for i, t := range p {
		if t.is(ident, "path") && p.is(i+1, punct, "=") && i+2 < len(p) && p[i+2].kind == str && !strings.HasSuffix(p[i+2].text, ".rs") {
			return true
		}
		if !t.is(ident, "include") {
			continue
		}
		arg, ok := p.open(i + 1)
		if !ok {
			return true
		}
		// The last literal is the end of the name.
		last := ""
		for ; arg < len(p) && !p.is(arg, punct, ";"); arg++ {
			if p[arg].kind == str {
				last = p[arg].text
			}
		}
		if !strings.HasSuffix(last, ".rs") {
			return true
		}
	}
	return false
}

// BaseOf returns the Base of a crate that a registry has by that name, "" for most.
func BaseOf(crate string) string {
	switch crate {
	case "proc_macro2", "quote", "syn":
		return crate
	}
	return ""
}
