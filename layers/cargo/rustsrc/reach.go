package rustsrc

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// ReachRule is the number of the rule by which a Reach is found: what was found by
// another one counts for nothing.
const ReachRule = "1"

// A Reach is what code can get at beside what it is given, as far as its sources name
// it. The zero Reach is code that computes and nothing else.
//
// Code gets at a file, a variable, a process, the network or the clock through a
// module or function of the standard library, which has to be named, or through what
// is foreign to Rust, which has to be declared. Names are tokens: no comment has any,
// and no macro_rules! puts one together. So what none of the sources that a program
// is made of names, the program does not do; what they name inside of a macro's
// brackets may be anything's part, and counts as it stands. Sources are taken as rustc
// read them, conditions that take code out are not looked at.
type Reach struct {
	// Any is a name of what may be anything: a process, a function of C, the clock. ""
	// if there is none.
	Any string
	// Environment is a name of what reads variables that nobody can tell. "" if there
	// is none.
	Environment string
	// Files is a name of what reads files, or tells where something lies. "" if there
	// is none.
	Files string
	// Asks is a name that methods have which ask the file system, of a type for paths,
	// and Paths a name of such a type: one crate may have the one, another the other.
	Asks, Paths string
	// Quotes is a macro whose arguments are what a macro writes, not what it does; they
	// were not read. Redefines is such a macro that is defined: one crate's may be what
	// another one uses. "" if there is none.
	Quotes, Redefines string
	// Variables are those of the environment that are read by a name that is written
	// out where they are read, sorted.
	Variables []string
}

// anything reports whether all the rest counts for nothing.
func (r Reach) anything() bool { return r.Any != "" || r.Quotes != "" && r.Redefines != "" }

// Pure reports whether code gets at nothing.
func (r Reach) Pure() bool {
	return !r.SeesEnvironment() && !r.SeesFiles() && len(r.Variables) == 0
}

// SeesFiles reports whether code may read files or look where they are.
func (r Reach) SeesFiles() bool {
	return r.anything() || r.Files != "" || r.Asks != "" && r.Paths != ""
}

// SeesEnvironment reports whether code may read any variable.
func (r Reach) SeesEnvironment() bool { return r.anything() || r.Environment != "" }

// Settle returns the reach of a whole program: what several crates decide together is
// decided.
func (r Reach) Settle() Reach {
	switch {
	case r.Any != "":
		return Reach{Any: r.Any}
	case r.anything():
		return Reach{Any: r.Redefines}
	case r.Files == "" && r.SeesFiles():
		r.Files = r.Asks
	}
	return Reach{Environment: r.Environment, Files: r.Files, Variables: r.Variables}
}

// names are what is told of a reach, but for variables, by the words for them.
func (r *Reach) names() map[string]*string {
	return map[string]*string{"any": &r.Any, "environment": &r.Environment, "files": &r.Files, "asks": &r.Asks, "paths": &r.Paths, "quotes": &r.Quotes, "redefines": &r.Redefines}
}

var kindsOfReach = []string{"any", "environment", "files", "asks", "paths", "quotes", "redefines"}

// Join returns what two pieces of code get at together.
func (r Reach) Join(o Reach) Reach {
	mine, others := r.names(), o.names()
	for _, kind := range kindsOfReach {
		if *mine[kind] == "" {
			*mine[kind] = *others[kind]
		}
	}
	if len(o.Variables) > 0 {
		r.Variables = append(slices.Clone(r.Variables), o.Variables...)
		slices.Sort(r.Variables)
		r.Variables = slices.Compact(r.Variables)
	}
	return r
}

// Words are the reach as a list of texts, which ParseReach reads.
func (r Reach) Words() []string {
	list := []string{ReachRule}
	for _, kind := range kindsOfReach {
		if name := *r.names()[kind]; name != "" {
			list = append(list, kind+" "+name)
		}
	}
	for _, name := range r.Variables {
		list = append(list, "variable "+name)
	}
	return list
}

// Unread is the reach of what nobody has read.
var Unread = Reach{Any: "not read"}

// ParseReach reads what Words wrote. What another rule found, or nobody, may be
// anything.
func ParseReach(list []string) Reach {
	if len(list) == 0 || list[0] != ReachRule {
		return Unread
	}
	r := Reach{}
	for _, w := range list[1:] {
		kind, name, _ := strings.Cut(w, " ")
		if field := r.names()[kind]; field != nil && name != "" {
			*field = name
		} else if kind == "variable" && name != "" {
			r.Variables = append(r.Variables, name)
		} else {
			return Unread
		}
	}
	return r
}

// A Source is a file that rustc has read for a crate.
type Source struct {
	Name string
	Text []byte
}

// A Crate is what is to be known of a crate whose reach is asked for.
type Crate struct {
	Sources []Source // all that rustc has read
	// Expanded: it uses macros that may make code of its strings.
	Expanded bool
	// Base names it if it is one of those that hand on what the compiler gives to
	// macros, as its registry has it; see BaseOf. What they have only for those above
	// them to use does not count for them.
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

// anything are names by which code gets at what may be anything, wherever they stand.
var anything = map[string]bool{
	"tracked_env": true, "tracked_path": true, "asm": true, "global_asm": true, "naked_asm": true, "llvm_asm": true,
	"concat_idents": true, "environ": true, "link_name": true,
	"TcpStream": true, "TcpListener": true, "UdpSocket": true, "ToSocketAddrs": true, "UnixStream": true, "UnixListener": true,
	"UnixDatagram": true, "hostname": true,
	// Instructions whose result no operand decides.
	"__rdtscp": true, "_rdtsc": true,
}

// modules are those of the standard library by which code gets at more than it is
// given, with the members that give it nothing. They count where they are a part of a
// path, are imported, or stand among a macro's arguments; elsewhere a name like theirs
// is a variable's or a function's.
var modules = map[string][]string{"process": {"abort", "exit"}, "os": {"raw", "unix ffi", "windows ffi", "wasi ffi"}, "fs": nil, "tracked": nil}

// calls are functions of which the name alone is an everyday one. They count as parts
// of a path, imported, and among a macro's arguments.
var calls = map[string]bool{"stdin": true, "now": true}

// asking are methods that ask the file system, of types for paths. They count where
// they are called or named as a function, and among a macro's arguments.
var asking = map[string]bool{
	"exists": true, "try_exists": true, "is_file": true, "is_dir": true, "is_symlink": true, "canonicalize": true, "read_dir": true,
	"read_link": true, "symlink_metadata": true, "metadata": true,
}

// telling are methods that tell where a source lies.
var telling = map[string]bool{"source_file": true, "local_file": true, "file": true}

// counts reports whether a name is one that counts somewhere.
func counts(name string) bool {
	_, module := modules[name]
	return module || anything[name] || calls[name] || asking[name] || telling[name] || name == "env" || name == "elapsed" || name == "extern"
}

// words are all names that may count, so that one look is enough for most.
var words = func() map[string]bool {
	all := map[string]bool{
		"env": true, "elapsed": true, "extern": true, "link": true, "Backtrace": true, "backtrace": true,
		"PathBuf": true, "OsStr": true, "OsString": true, "path": true,
	}
	for _, list := range []map[string]bool{anything, calls, asking, telling, quoting, standard} {
		for name := range list {
			all[name] = true
		}
	}
	for name := range modules {
		all[name] = true
	}
	return all
}()

func mayCount(name string) bool {
	return words[name] || name[0] == '_' || strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
}

// backtraced are variables that decide whether a backtrace is more than empty.
var backtraced = []string{"RUST_BACKTRACE", "RUST_LIB_BACKTRACE"}

// reach returns what a file names.
func (p parser) reach(expanded bool, base string) Reach {
	r := Reach{}
	stands := p.stands()
	uses := p.imports()
	tested := p.tested(stands)
	add := func(field *string, name string) {
		if *field == "" {
			*field = name
		}
	}
	for i, t := range p {
		if tested[i] {
			continue
		}
		if stands[i] == quoted {
			add(&r.Quotes, "quote!")
			continue
		}
		within := stands[i] == passed
		switch {
		case t.kind == punct && t.text == "$":
			// Names are put together by ${concat(…)}.
			if p.is(i+1, punct, "{") {
				add(&r.Any, "${…}")
			}
			continue
		case t.kind == prefixed:
			// Where that is no literal yet, but a name and another one, it may end elsewhere.
			if strings.ContainsAny(t.text, "\"\\") {
				add(&r.Any, "a literal of another edition")
			}
			continue
		case expanded && t.kind == str:
			r = r.Join(parser(lex([]byte(t.text))).reach(false, base))
			continue
		case t.kind != ident || !mayCount(t.text):
			continue
		}
		name := t.text
		if stands[i] == trusted && counts(name) {
			add(&r.Quotes, "format! and its kind")
		}
		macro := within && !p.is(i-1, punct, "#") // #name is what quote! puts in its place
		behindDot := p.is(i-1, punct, ".") && !p.is(i-2, punct, ".")
		inPath := p.colons(i-2) || p.colons(i+1)
		last := p.colons(i-2) && !p.colons(i+1)
		called := p.is(i+1, punct, "(") || p.colons(i+1)
		harmless, module := modules[name]
		switch {
		case isOdd(name):
			add(&r.Any, "a name with unusual characters")
		case anything[name] || strings.HasPrefix(name, "_rdrand") || strings.HasPrefix(name, "_rdseed"):
			add(&r.Any, name)
		case name == "extern":
			if p.foreign(i, within, base) {
				add(&r.Any, "extern")
			}
		case name == "link":
			if p.attribute(i) {
				add(&r.Any, "#[link]")
			}
		case (quoting[name] || standard[name]) && base == "" && p.defines(i, uses[i], stands):
			add(&r.Redefines, name+"!")
		case name == "env":
			p.environment(i, within, uses[i], &r)
		case name == "Backtrace" || name == "backtrace":
			if base == "" && (inPath || uses[i] || macro) {
				r = r.Join(Reach{Variables: backtraced})
			}
		case module:
			if !within && (p.member(i, uses[i], harmless) || p.is(i+1, punct, "(")) {
				break // a module is not called
			}
			if inPath || uses[i] || within && !behindDot {
				if name == "fs" {
					add(&r.Files, name)
				} else {
					add(&r.Any, name)
				}
			}
		case calls[name]:
			if last || uses[i] || macro && !behindDot {
				add(&r.Any, name)
			}
		case name == "elapsed":
			if behindDot && called || last || macro {
				add(&r.Any, name)
			}
		case asking[name]:
			if behindDot && called || last && !uses[i] || macro && !behindDot {
				add(&r.Asks, name)
			}
		case telling[name]:
			if base == "" && (behindDot && p.is(i+1, punct, "(") || last && !uses[i] || name != "file" && macro) {
				add(&r.Files, name+"()")
			}
		case name == "PathBuf" || name == "OsStr" || name == "OsString" || name == "path" && p.colons(i+1):
			if base == "" {
				add(&r.Paths, name)
			}
		}
	}
	return r
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

// isOdd reports whether a name has characters that are spaces to rustc, or letters of
// which it makes others.
func isOdd(name string) bool {
	return strings.ContainsAny(name, "\u0085\u200e\u200f\u2028\u2029\u212a")
}

// defines reports whether the name at i is given to a macro there that may be of
// another kind than the one that is called so.
func (p parser) defines(i int, imported bool, stands []stand) bool {
	if p.is(i-1, punct, "!") && p.is(i-2, ident, "macro_rules") {
		return !quoting[p[i].text] || !p.handsOn(i+1, stands)
	}
	return p.is(i-1, ident, "macro") || imported && p.is(i-1, ident, "as")
}

// handsOn reports whether the rules in the bracket at i do nothing with what they are
// given but to hand it on to a macro that writes it, and to evaluate expressions.
func (p parser) handsOn(i int, stands []stand) bool {
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
		if p.is(j, punct, "$") && p.isIdent(j+1) && !declared && stands[j] != quoted && !expressions[p[j+1].text] {
			return false
		}
	}
	return true
}

// BaseOf is the Base of a crate that a registry has by that name, "" for most.
func BaseOf(crate string) string {
	switch crate {
	case "proc_macro2", "quote", "syn":
		return crate
	}
	return ""
}
