package rustsrc

import (
	"slices"
	"strings"
)

// reach returns what a file names.
func (p parser) reach(expanded bool, base string) Reach {
	contexts := p.contexts()
	s := &reachScan{parser: p, contexts: contexts, imported: p.imported(), base: base}
	testOnly := p.testOnly(contexts)
	for i, t := range p {
		switch {
		case testOnly[i]:
		case contexts[i] == inQuote:
			note(&s.found.Quotes, "quote!")
		case t.kind == punct && t.text == "$":
			// Names are put together by ${concat(…)}.
			if p.is(i+1, punct, "{") {
				note(&s.found.Any, "${…}")
			}
		case t.kind == prefixed:
			// Where that is no literal yet, but a name and another one, it may end elsewhere.
			if strings.ContainsAny(t.text, "\"\\") {
				note(&s.found.Any, "a literal of another edition")
			}
		case expanded && t.kind == str:
			s.found = s.found.Join(parser(lex([]byte(t.text))).reach(false, base))
		case t.kind == ident && mayCount(t.text):
			s.name(i)
		}
	}
	return s.found
}

// reachScan looks in one file for names by which code gets at something.
type reachScan struct {
	parser
	contexts []tokenContext
	imported []bool
	base     string // see Crate.Base
	found    Reach
}

// note notes the first name of a kind.
func note(field *string, name string) {
	if *field == "" {
		*field = name
	}
}

// use is an occurrence of a name, and how it occurs.
type use struct {
	at       int
	name     string
	passed   bool // among the arguments of a macro that may make anything of it
	inMacro  bool // the same, and not what quote! puts in the place of #name
	dotted   bool // a field or method
	inPath   bool // a part of a path
	last     bool // the last part of a path
	called   bool // with arguments, or types
	imported bool
}

func (s *reachScan) use(i int) use {
	passed, inPath := s.contexts[i] == inMacro, s.colons(i-2)
	return use{
		at: i, name: s.parser[i].text,
		passed:   passed,
		inMacro:  passed && !s.is(i-1, punct, "#"),
		dotted:   s.is(i-1, punct, ".") && !s.is(i-2, punct, "."),
		inPath:   inPath || s.colons(i+1),
		last:     inPath && !s.colons(i+1),
		called:   s.is(i+1, punct, "(") || s.colons(i+1),
		imported: s.imported[i],
	}
}

// name judges the name at i, which may count.
func (s *reachScan) name(i int) {
	u := s.use(i)
	if s.contexts[i] == inExpression && counts(u.name) {
		note(&s.found.Quotes, "format! and its kind")
	}
	_, module := reachingModules[u.name]
	switch name := u.name; {
	case isUnusual(name):
		note(&s.found.Any, "a name with unusual characters")
	case opaqueNames[name] || strings.HasPrefix(name, "_rdrand") || strings.HasPrefix(name, "_rdseed"):
		note(&s.found.Any, name)
	case name == "extern":
		if s.foreign(i, u.passed, s.base) {
			note(&s.found.Any, "extern")
		}
	case name == "link":
		if s.attribute(i) {
			note(&s.found.Any, "#[link]")
		}
	case (quotingMacros[name] || standardMacros[name]) && s.base == "" && s.defines(i, u.imported, s.contexts):
		note(&s.found.Redefines, name+"!")
	case name == "env":
		s.environment(i, u.passed, u.imported, &s.found)
	case name == "Backtrace" || name == "backtrace":
		if s.base == "" && (u.inPath || u.imported || u.inMacro) {
			s.found = s.found.Join(Reach{Variables: backtraceVariables})
		}
	case module:
		s.module(u)
	case reachingFunctions[name] || name == "elapsed":
		s.function(u)
	default:
		s.ofPath(u)
	}
}

// module judges the name of a module by which code gets at more than it is given.
func (s *reachScan) module(u use) {
	if !u.passed && (s.member(u.at, u.imported, reachingModules[u.name]) || s.is(u.at+1, punct, "(")) {
		return // a module is not called
	}
	if !u.inPath && !u.imported && (!u.passed || u.dotted) {
		return // a variable or function that is called so
	}
	if u.name == "fs" {
		note(&s.found.Files, u.name)
	} else {
		note(&s.found.Any, u.name)
	}
}

// function judges the name of a function, or of the method elapsed, that asks the
// clock or a stream.
func (s *reachScan) function(u use) {
	reaches := u.last || u.imported || u.inMacro && !u.dotted
	if u.name == "elapsed" {
		reaches = u.dotted && u.called || u.last || u.inMacro
	}
	if reaches {
		note(&s.found.Any, u.name)
	}
}

// ofPath judges methods that ask the file system, or tell where a source lies, and the
// types of paths.
func (s *reachScan) ofPath(u use) {
	switch name := u.name; {
	case pathQueries[name]:
		if u.dotted && u.called || u.last && !u.imported || u.inMacro && !u.dotted {
			note(&s.found.Asks, name)
		}
	case s.base != "":
	case sourceQueries[name]:
		if u.dotted && s.is(u.at+1, punct, "(") || u.last && !u.imported || name != "file" && u.inMacro {
			note(&s.found.Files, name+"()")
		}
	case name == "PathBuf" || name == "OsStr" || name == "OsString" || name == "path" && s.colons(u.at+1):
		note(&s.found.Paths, name)
	}
}

// member reports whether the module at i is imported under its own name, or a member
// of it named that is harmless.
func (p parser) member(i int, imported bool, harmless []string) bool {
	if p.colons(i + 1) {
		return slices.ContainsFunc(harmless, func(path string) bool {
			at := i + 3
			for part := range strings.FieldsSeq(path) {
				if !p.is(at, ident, part) {
					return false
				}
				at += len("::") + 1
			}
			return true
		})
	}
	return imported && len(harmless) > 0 && !p.is(i+1, ident, "as")
}

// environment judges the word env at i.
func (p parser) environment(i int, macro, imported bool, r *Reach) {
	switch {
	case p.is(i+1, punct, "!"):
		return // a value of the time when this crate was compiled
	case p.is(i-1, punct, ".") && !p.is(i-2, punct, "."):
		return // a field or method
	case imported && !macro && p.plainImport(i, r):
		return
	case !imported && !macro && !p.colons(i+1) && !p.colons(i-2):
		return // something else that is called so
	}
	of := i + 3
	switch {
	case imported || !p.colons(i+1):
	case p.is(of, ident, "VarError"), p.is(of, ident, "consts"):
		return
	case p.is(of, ident, "current_dir") && !macro:
		*r = r.Join(Reach{Files: "current_dir"})
		return
	case (p.is(of, ident, "var") || p.is(of, ident, "var_os")) && !macro && p.is(of+1, punct, "(") && of+2 < len(p) && p[of+2].kind == str:
		if _, ok := p.closing(of + 3); ok && p[of+2].text != "" {
			*r = r.Join(Reach{Variables: []string{p[of+2].text}})
			return
		}
	}
	*r = r.Join(Reach{Environment: "env"})
}

// plainImport reports whether what is imported of the module env at i is the module,
// by its own name, or something that reads no variable.
func (p parser) plainImport(i int, r *Reach) bool {
	member := func(i int) bool {
		if p.is(i, ident, "current_dir") {
			*r = r.Join(Reach{Files: "current_dir"})
		}
		return p.isIdent(i) && slices.Contains([]string{"self", "VarError", "consts", "current_dir"}, p[i].text) && !p.is(i+1, ident, "as")
	}
	if !p.colons(i + 1) {
		return !p.is(i+1, ident, "as")
	}
	if !p.is(i+3, punct, "{") {
		return member(i + 3)
	}
	for i += 4; i < len(p) && !p.is(i, punct, "}"); i++ {
		if !p.is(i, punct, ",") && !member(i) {
			return false
		}
	}
	return true
}

// foreign reports whether the word extern at i begins something that is not Rust's:
// functions that are only declared. Among a macro's arguments it may always, unless
// syn's macro for words is meant.
func (p parser) foreign(i int, macro bool, base string) bool {
	if p.is(i+1, ident, "crate") && !macro {
		return false
	}
	if !macro || base != "" {
		return p.is(i+1, punct, "{") || i+1 < len(p) && (p[i+1].kind == str || p[i+1].kind == other) && p.is(i+2, punct, "{")
	}
	return !(p.is(i-1, punct, "[") && p.is(i-2, punct, "!") && p.is(i-3, ident, "Token") && p.is(i+1, punct, "]"))
}

// defines reports whether the name at i is given to a macro there that may be of
// another kind than the one that is called so.
func (p parser) defines(i int, imported bool, stands []tokenContext) bool {
	if p.is(i-1, punct, "!") && p.is(i-2, ident, "macro_rules") {
		return !quotingMacros[p[i].text] || !p.handsOn(i+1, stands)
	}
	return p.is(i-1, ident, "macro") || imported && p.is(i-1, ident, "as")
}

// handsOn reports whether the rules in the bracket at i do nothing with what they are
// given but to hand it on to a macro that writes it, and to evaluate expressions.
func (p parser) handsOn(i int, stands []tokenContext) bool {
	end := p.bracketEnd(i)
	expressions := map[string]bool{}
	for j := i; j < end; j++ {
		if p.is(j, punct, "$") && p.isIdent(j+1) && p.is(j+2, punct, ":") && !p.is(j+3, punct, ":") {
			expressions[p[j+1].text] = p.is(j+3, ident, "expr")
			j += 2
		}
	}
	for j := i; j < end; j++ {
		declared := p.is(j+2, punct, ":") && !p.is(j+3, punct, ":")
		if p.is(j, punct, "$") && p.isIdent(j+1) && !declared && stands[j] != inQuote && !expressions[p[j+1].text] {
			return false
		}
	}
	return true
}
