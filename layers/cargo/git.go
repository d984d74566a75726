package cargo

import (
	"os"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Most scripts that read git's state read the commit, and nothing of the branch that
// it was checked out as. Then another branch at the same commit is no reason to run
// them again. That has to be shown: by what the script has left, and by all that it
// was compiled from.

// gitReader finds what programs that run at compile time ask of git.
type gitReader struct {
	dir      *scanned
	macros   *macroUse
	absolute func(name string) string // resolves a name that rustc wrote
	named    map[*built]bool          // programs: whether they name git
}

// newGitReader finds it for the units of s. It is for one goroutine.
func newGitReader(s *scanned, m *macroUse, absolute func(string) string) *gitReader {
	return &gitReader{s, m, absolute, map[*built]bool{}}
}

// reads reports whether a script asks git what it is building: its sources
// say so, or it is built with one of the crates made for that.
func (r *gitReader) reads(u *built) bool {
	for _, program := range u.deps {
		if program == nil || program.Kind != kindScript || program.rustc == nil {
			continue
		}
		for _, d := range program.deps {
			if d != nil && isGitReader(d.pkg) {
				return true
			}
		}
		for _, name := range program.rustc.Deps {
			if src, err := os.ReadFile(r.absolute(name)); err == nil && rustsrc.Mentions(src, "git") > 0 {
				return true
			}
		}
	}
	return false
}

func isGitReader(pkg string) bool {
	return slices.ContainsFunc(gitReaders, func(prefix string) bool { return strings.HasPrefix(pkg, prefix) })
}

// gitReaders are crates that build scripts use to learn the commit.
var gitReaders = []string{"vergen", "built", "shadow-rs", "git2", "gix", "git-version", "git-testament", "rustc_tools_util", "build-info"}

// commitOnly reports whether the run of a script, which has left these texts, can
// have looked at the commit only.
func (r *gitReader) commitOnly(u *built, ref string, left []string) bool {
	if branch := strings.TrimPrefix(ref, "refs/heads/"); branch != "" {
		for _, text := range left {
			if holdsWord(text, branch) {
				return false
			}
		}
	}
	asks := false
	for _, program := range u.deps {
		if program == nil || program.Kind != kindScript {
			continue
		}
		git, branch := r.asksGit(program)
		if branch {
			return false
		}
		asks = asks || git
	}
	// Else nobody knows where it has the commit from: another program, perhaps.
	return asks
}

// asksGit looks through the sources of a program that runs at compile time, and of
// all that is built into it: whether any names git, and whether any may ask for more
// than the commit, as what cannot be read may.
func (r *gitReader) asksGit(program *built) (git, branch bool) {
	seen := map[*built]bool{}
	var look func(u *built)
	look = func(u *built) {
		if u == nil || seen[u] || branch {
			return
		}
		seen[u] = true
		if u.run {
			// What that left is in this program.
			branch = branch || r.asksGitByRun(u)
			return
		}
		if u.recalled && r.dir.reread(u) != nil || u.rustc == nil || isGitReader(u.pkg) {
			branch = true
			return
		}
		for _, name := range u.rustc.Deps {
			src, err := os.ReadFile(r.absolute(name))
			if err != nil {
				branch = true
				return
			}
			if rustsrc.Mentions(src, "git") == 0 && !strings.Contains(string(src), ".git") {
				// Crates of all kinds have words for branches that are none of git's.
				if u == program && rustsrc.AsksBranch(src) {
					branch = true
				}
				continue
			}
			git = true
			if rustsrc.AsksBranch(src) {
				branch = true
			}
		}
		for _, d := range u.deps {
			look(d)
		}
	}
	look(program)
	return git, branch
}

func (r *gitReader) asksGitByRun(u *built) bool {
	for _, program := range u.deps {
		if program != nil && program.Kind == kindScript {
			if git, branch := r.asksGit(program); git || branch {
				return true
			}
		}
	}
	return false
}

// macrosName reports whether a macro that a unit uses, directly or through a
// library, may ask git for anything: then what the unit holds of the commit may be
// the macro's, and so may something of the branch.
func (r *gitReader) macrosName(u *built) bool {
	seen := map[*built]bool{}
	var uses func(u *built) bool
	uses = func(u *built) bool {
		return slices.ContainsFunc(u.deps, func(d *built) bool {
			if d == nil || d.run || seen[d] {
				return false
			}
			seen[d] = true
			if d.Kind == kindMacro {
				return !r.macros.reach(d).Pure() && r.namesGit(d)
			}
			return uses(d)
		})
	}
	return uses(u)
}

// namesGit reports whether the sources of a program that runs at compile time, or of
// anything built into it, name git. What cannot be read may.
func (r *gitReader) namesGit(program *built) bool {
	if names, known := r.named[program]; known {
		return names
	}
	seen := map[*built]bool{}
	var names func(u *built) bool
	names = func(u *built) bool {
		if u == nil || seen[u] {
			return false
		}
		seen[u] = true
		if u.run {
			return slices.ContainsFunc(u.deps, names)
		}
		if u.recalled && r.dir.reread(u) != nil || u.rustc == nil || isGitReader(u.pkg) {
			return true
		}
		return slices.ContainsFunc(u.rustc.Deps, func(name string) bool {
			src, err := os.ReadFile(r.absolute(name))
			return err != nil || strings.Contains(string(src), "git") && rustsrc.Mentions(src, "git") > 0
		}) || slices.ContainsFunc(u.deps, names)
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
