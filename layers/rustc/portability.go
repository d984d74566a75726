package rustc

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// portability decides where the outputs of a run may be used. Of the conditions in the
// table the first that is met decides, the ones that bind most come first; outputs for
// which none is met name nothing that moves with a checkout.
func (u *unit) portability(run Run, depFile string, names []string, sources [][]byte) (Portability, error) {
	if u.PathBound || u.InPlace {
		return SameOutDir, nil
	}
	asked, impure, immutable := u.variablesInOutDir(depFile), !u.macroReach().Pure(), u.immutable()
	if immutable && len(asked) == 0 && !impure {
		// It lies where it was unpacked, and got at nothing but that: no look is needed.
		return SameDir, nil
	}
	workDirs := append([]string{u.Dir}, run.ViewDirs...)
	linked := u.linkedSources(workDirs)
	out := &embedded.Outputs{WorkDirs: workDirs, Sources: append(absolute(names, workDirs), linked...)}
	for _, f := range run.Files {
		if err := out.Add(f.Path); err != nil {
			return "", &Uncacheable{"output that cannot be read", err.Error()}
		}
	}
	for _, c := range []struct {
		bound Portability
		met   func() bool
	}{
		// The outputs name the directory they were made in, or that of the outputs.
		{SameOutDir, func() bool { return !immutable && embedsAny(out, append(slices.Clone(workDirs), u.OutDir)) }},
		// A macro may put the name of a file into the program that it has included too.
		// Names that the compiler puts there are relative.
		{SameOutDir, func() bool { return !immutable && impure && embedsAny(dataOf(out, linked), workDirs) }},
		// They name the script's directory.
		{SameOutDir, func() bool { return u.outEnv != "" && embedsAny(out, []string{u.outEnv}) }},
		// The crate has made something of a path in there.
		{SameOutDir, func() bool {
			return slices.ContainsFunc(asked, func(name string) bool { return !includesOnly(sources, name) })
		}},
		// What cargo has unpacked may name the directory it lies in, which is the same for
		// every checkout.
		{SameDir, func() bool { return immutable }},
		{SameDir, func() bool { return u.namesItself(run, sources) }},
	} {
		if c.met() {
			return c.bound, nil
		}
	}
	return Anywhere, nil
}

// embedsAny reports whether outputs hold the name of one of these directories.
func embedsAny(out *embedded.Outputs, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		_, found := out.Embed(dir)
		return found
	})
}

// dataOf are the parts of outputs that end up in the program, in which no sources have
// names but these.
func dataOf(out *embedded.Outputs, sources []string) *embedded.Outputs {
	return &embedded.Outputs{
		Sources: sources,
		Parts:   slices.DeleteFunc(slices.Clone(out.Parts), func(s embedded.Segment) bool { return s.Kind != embedded.Data }),
	}
}

// absolute are the names of inputs as the outputs may hold them: those that are
// relative, from each of the directories.
func absolute(names, dirs []string) []string {
	var list []string
	for _, name := range names {
		if filepath.IsAbs(name) {
			list = append(list, name)
			continue
		}
		for _, dir := range dirs {
			list = append(list, dir+"/"+name)
		}
	}
	return list
}

// namesItself reports whether a crate that is compiled by an absolute name, as all
// are that are no members of the workspace, may have made something of the names of
// its sources: of file!(), or in a message. The locations of its panics count as
// debug information does.
func (u *unit) namesItself(run Run, sources [][]byte) bool {
	return strings.HasPrefix(u.portablePath(u.Input), "{cwd}") &&
		(slices.ContainsFunc(sources, rustsrc.NamesItself) ||
			slices.ContainsFunc(run.Messages, func(m string) bool { return strings.Contains(m, u.Dir) }))
}

// linkedSources are the sources of what is linked into the output, by the names that
// it may hold of them. What else of theirs names a directory comes with their contents,
// which the request has.
func (u *unit) linkedSources(dirs []string) []string {
	var names []string
	for _, list := range u.linkedDepFiles {
		text, _, err := digest.Read(list)
		if err != nil {
			continue
		}
		names = append(names, absolute(depfile.Inputs(string(text)), dirs)...)
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
