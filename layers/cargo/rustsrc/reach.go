package rustsrc

import (
	"slices"
	"strings"
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
