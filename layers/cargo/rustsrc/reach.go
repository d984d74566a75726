package rustsrc

import (
	"slices"
	"strings"
)

// ReachRule is the version of the rules by which a Reach is found. One found by another
// version is not used.
const ReachRule = "2"

// Reach is what code can get at, beside what it is given, as far as its sources name
// it. The zero Reach is that of code which only computes.
//
// Code gets at a file, a variable, a process, the network or the clock through a
// module or function of the standard library, which has to be named, or through what
// is foreign to Rust, which has to be declared. Names are tokens: comments hold none,
// and macro_rules! cannot put one together. So a program does nothing that none of its
// sources names. A name inside of a macro's brackets may be part of anything, and
// counts. Conditions that exclude code are ignored: excluded code counts, too.
type Reach struct {
	// Any is a name by which code may do anything: a process, a function of C, the
	// clock; "" if there is none.
	Any string
	// Environment is a name by which code reads variables that cannot be determined; ""
	// if there is none.
	Environment string
	// Files is a name by which code reads files, or learns where something lies; "" if
	// there is none.
	Files string
	// Asks is a method's name by which paths ask the file system; "" if there is none.
	// It counts together with Paths, which another crate may have.
	Asks string
	// Paths is the name of a type of paths; "" if there is none.
	Paths string
	// Quotes is a macro whose arguments are code that it writes, not code that it runs;
	// they were not read. "" if there is none. It counts together with Redefines, which
	// another crate may have.
	Quotes string
	// Redefines is a macro of such a name that is defined here; "" if there is none.
	Redefines string
	// Git is a name by which code may ask git for the commit, as NamesGit and ReadsGit find
	// it; "" if there is none. It counts only of what SeesFiles.
	Git string
	// Variables are the variables of the environment whose names are written out where
	// they are read, sorted.
	Variables []string
}

// anything reports whether code may get at anything, whatever else is known.
func (r Reach) anything() bool { return r.Any != "" || r.Quotes != "" && r.Redefines != "" }

// Pure reports whether code only computes.
func (r Reach) Pure() bool {
	return !r.SeesEnvironment() && !r.SeesFiles() && len(r.Variables) == 0
}

// SeesFiles reports whether code may read files, or ask which exist.
func (r Reach) SeesFiles() bool {
	return r.anything() || r.Files != "" || r.Asks != "" && r.Paths != ""
}

// AsksGit reports whether code may get the commit, or anything else that git knows.
func (r Reach) AsksGit() bool { return r.Git != "" && r.SeesFiles() }

// SeesEnvironment reports whether code may read any variable.
func (r Reach) SeesEnvironment() bool { return r.anything() || r.Environment != "" }

// Settle returns the reach of a whole program, the Join of all its crates: what only
// counts together, as Asks and Paths, is resolved.
func (r Reach) Settle() Reach {
	switch {
	case r.Any != "":
		return Reach{Any: r.Any, Git: r.Git}
	case r.anything():
		return Reach{Any: r.Redefines, Git: r.Git}
	case r.Files == "" && r.SeesFiles():
		r.Files = r.Asks
	}
	return Reach{Environment: r.Environment, Files: r.Files, Git: r.Git, Variables: r.Variables}
}

// names returns the fields that hold a name, by the words for them.
func (r *Reach) names() map[string]*string {
	return map[string]*string{"any": &r.Any, "environment": &r.Environment, "files": &r.Files, "asks": &r.Asks, "paths": &r.Paths, "quotes": &r.Quotes, "redefines": &r.Redefines, "git": &r.Git}
}

var kindsOfReach = []string{"any", "environment", "files", "asks", "paths", "quotes", "redefines", "git"}

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

// Words returns the reach as a list of texts, which ParseReach reads.
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

// Unread is the reach of code that could not be read: anything.
var Unread = Reach{Any: "not read", Git: "not read"}

// ParseReach reads what Words wrote. What another version of the rules wrote is
// Unread.
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
