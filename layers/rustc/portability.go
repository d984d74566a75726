package rustc

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/cargo/session"
)

// bind decides where the outputs may be used.
func (u *unit) bind(rec *Record, run Run, out *embedded.Outputs, depFile string, names []string, sources [][]byte) error {
	rec.Bound = SameDir
	asks := u.belowOutDir(depFile)
	impure := !u.reach().Pure()
	if u.Debug || u.around.InPlace {
		rec.Bound = SamePlace
		return nil
	}
	if u.immutable() && len(asks) == 0 && !impure {
		return nil
	}
	for _, name := range names {
		for _, dir := range out.WorkDirs {
			if filepath.IsAbs(name) {
				out.Sources = append(out.Sources, name)
				break
			}
			out.Sources = append(out.Sources, dir+"/"+name)
		}
	}
	linked := u.linkedSources(out.WorkDirs)
	out.Sources = append(out.Sources, linked...)
	for _, f := range run.Files {
		if err := out.Add(f.Path); err != nil {
			return &Odd{"output that cannot be read", err.Error()}
		}
	}
	if !u.immutable() {
		rec.Bound = Anywhere
		if u.namesItself(run, sources) {
			rec.Bound = SameDir
		}
		for _, dir := range append(slices.Clone(out.WorkDirs), u.OutDir) {
			if _, found := out.Embed(dir); found {
				rec.Bound = SamePlace
			}
		}
		// A macro may put the name of a file into the program that it has included too.
		// Names that the compiler puts there are relative.
		if impure {
			data := &embedded.Outputs{
				Sources: linked,
				Parts:   slices.DeleteFunc(slices.Clone(out.Parts), func(s embedded.Segment) bool { return s.Kind != embedded.Data }),
			}
			for _, dir := range out.WorkDirs {
				if _, found := data.Embed(dir); found {
					rec.Bound = SamePlace
				}
			}
		}
	}
	if u.outEnv == "" {
		return nil
	}
	if _, found := out.Embed(u.outEnv); found {
		rec.Bound = SamePlace
	}
	for _, name := range asks {
		if !includesOnly(sources, name) {
			rec.Bound = SamePlace
		}
	}
	return nil
}

// namesItself reports whether a crate that is compiled by an absolute name, as all
// are that are no members of the workspace, may have made something of the names of
// its sources: of file!(), or in a message. The locations of its panics count as
// debug information does.
func (u *unit) namesItself(run Run, sources [][]byte) bool {
	return strings.HasPrefix(u.local(u.Input), "{cwd}") &&
		(slices.ContainsFunc(sources, rustsrc.NamesItself) ||
			slices.ContainsFunc(run.Messages, func(m string) bool { return strings.Contains(m, u.cwd) }))
}

// linkedSources are the sources of what is linked into the output, by the names that
// it may hold of them. What else of theirs names a place comes with their contents,
// which the request has.
func (u *unit) linkedSources(dirs []string) []string {
	var names []string
	for _, list := range u.lists {
		text, _, err := readFile(list)
		if err != nil {
			continue
		}
		for _, name := range session.Inputs(string(text)) {
			if filepath.IsAbs(name) {
				names = append(names, name)
				continue
			}
			for _, dir := range dirs {
				names = append(names, dir+"/"+name)
			}
		}
	}
	return names
}

// includesOnly reports whether a variable is used to name included files, and for
// nothing else.
func includesOnly(sources [][]byte, name string) bool {
	any := false
	for _, src := range sources {
		uses := rustsrc.EnvUses(src, name)
		if uses.Elsewhere > 0 {
			return false
		}
		any = any || uses.Includes > 0
	}
	// Else a macro of another crate uses it.
	return any
}
