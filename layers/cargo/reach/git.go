package reach

import (
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Most scripts that ask git read the commit, and nothing of the branch that is checked
// out. Then another branch at the same commit is no reason to run them again. That has
// to be shown: by what the script has printed and written, and by all that it was
// compiled from.

// Git finds what programs that run at compile time ask of git.
type Git struct {
	dir      *builddir.Dir
	macros   *Macros
	absolute func(name string) string // resolves a name that rustc wrote
	named    map[*builddir.Unit]bool  // programs: whether they name git
}

// NewGit returns a Git for the units of bd.
func NewGit(bd *builddir.Dir, m *Macros, absolute func(string) string) *Git {
	return &Git{bd, m, absolute, map[*builddir.Unit]bool{}}
}

// Reads reports whether a script asks git what it is building: its sources
// say so, or it is built with one of the crates made for that.
func (r *Git) Reads(u *builddir.Unit) bool {
	for _, program := range u.Deps {
		if program == nil || program.Kind != builddir.KindScript || program.SourceList == nil {
			continue
		}
		for _, d := range program.Deps {
			if d != nil && rustsrc.ReadsGit(d.Package) {
				return true
			}
		}
		for _, name := range program.SourceList.Deps {
			if src, err := regular.Read(r.absolute(name)); err == nil && rustsrc.NamesGit(src) {
				return true
			}
		}
	}
	return false
}

// Beside says what may count for the run of a script besides the commit, if it has printed and written these texts with
// ref checked out: the branch, the tags.
func (r *Git) Beside(u *builddir.Unit, ref string, texts []string) (branch, tags bool) {
	if name := strings.TrimPrefix(ref, "refs/heads/"); name != "" {
		branch = slices.ContainsFunc(texts, func(text string) bool { return holdsWord(text, name) })
	}
	var all asked
	for _, program := range u.Deps {
		if program != nil && program.Kind == builddir.KindScript {
			all.add(r.asksGit(program))
		}
	}
	// A script that does not ask git has the commit from elsewhere: another program, perhaps.
	return branch || all.branch || !all.git, all.tags || !all.git
}

// asked is what a program that runs at compile time may ask git: anything, more than the commit and the tags, the tags.
type asked struct{ git, branch, tags bool }

func (a *asked) add(o asked) {
	a.git, a.branch, a.tags = a.git || o.git, a.branch || o.branch, a.tags || o.tags
}

// anything is what may be asked by what cannot be read.
var anything = asked{git: true, branch: true, tags: true}

// asksGit looks through the sources of a program that runs at compile time, and of
// all that is built into it.
func (r *Git) asksGit(program *builddir.Unit) (all asked) {
	seen := map[*builddir.Unit]bool{}
	var visit func(u *builddir.Unit)
	visit = func(u *builddir.Unit) {
		if u == nil || seen[u] || all == anything {
			return
		}
		seen[u] = true
		if u.Run {
			// What that left is in this program.
			for _, d := range u.Deps {
				if d != nil && d.Kind == builddir.KindScript && r.asksGit(d) != (asked{}) {
					all = anything
				}
			}
			return
		}
		if u.Cached && r.dir.Reload(u) != nil || u.SourceList == nil || rustsrc.ReadsGit(u.Package) {
			all = anything
			return
		}
		for _, name := range u.SourceList.Deps {
			src, err := regular.Read(r.absolute(name))
			if err != nil {
				all = anything
				return
			}
			all.add(asksInSource(src, u == program))
		}
		for _, d := range u.Deps {
			visit(d)
		}
	}
	visit(program)
	return all
}

// asksInSource judges a source of the program itself, or of what is built into it.
func asksInSource(src []byte, itself bool) asked {
	git := rustsrc.NamesGit(src) || strings.Contains(string(src), ".git")
	if !git && !itself {
		return asked{} // crates of all kinds have words for branches that are none of git's
	}
	return asked{git: git, branch: rustsrc.AsksBranch(src), tags: rustsrc.AsksTags(src)}
}

// MacrosName reports whether a macro that a unit uses, directly or through a
// library, may ask git for anything: then what the unit holds of the commit may be
// the macro's, and so may something of the branch.
func (r *Git) MacrosName(u *builddir.Unit) bool {
	seen := map[*builddir.Unit]bool{}
	var uses func(u *builddir.Unit) bool
	uses = func(u *builddir.Unit) bool {
		return slices.ContainsFunc(u.Deps, func(d *builddir.Unit) bool {
			if d == nil || d.Run || seen[d] {
				return false
			}
			seen[d] = true
			if d.Kind == builddir.KindMacro {
				return !r.macros.Of(d).Pure() && r.namesGit(d)
			}
			return uses(d)
		})
	}
	return uses(u)
}

// namesGit reports whether the sources of a program that runs at compile time, or of
// anything built into it, name git. What cannot be read may.
func (r *Git) namesGit(program *builddir.Unit) bool {
	if names, known := r.named[program]; known {
		return names
	}
	seen := map[*builddir.Unit]bool{}
	var names func(u *builddir.Unit) bool
	names = func(u *builddir.Unit) bool {
		if u == nil || seen[u] {
			return false
		}
		seen[u] = true
		if u.Run {
			return slices.ContainsFunc(u.Deps, names)
		}
		if u.Cached && r.dir.Reload(u) != nil || u.SourceList == nil || rustsrc.ReadsGit(u.Package) {
			return true
		}
		return slices.ContainsFunc(u.SourceList.Deps, func(name string) bool {
			src, err := regular.Read(r.absolute(name))
			return err != nil || rustsrc.NamesGit(src)
		}) || slices.ContainsFunc(u.Deps, names)
	}
	r.named[program] = names(program)
	return r.named[program]
}

// holdsWord reports whether text holds word other than as part of a longer name.
func holdsWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(word)
		if (start == 0 || !paths.IsWord(text[start-1])) && paths.MayEnd(text, end) {
			return true
		}
		from = start + 1
	}
}
