package rustc

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
)

// Holds says why a record's outputs are not those of the request's call, "" if they
// are.
func (r *Request) Holds(rec *Record) (why string) {
	u := r.unit
	switch {
	case rec.Unit != r.Unit || rec.Request != r.Digest():
		return r.Differs(rec)
	case rec.Portability != Anywhere && rec.Dir != u.Dir, rec.Portability == SameOutDir && (rec.OutDir != u.OutDir || rec.OutEnv != u.outEnv):
		return "it names where it was made: " + rec.OutDir
	case u.InPlace && (rec.Dir != u.Dir || rec.OutDir != u.OutDir || rec.OutEnv != u.outEnv):
		return "nothing made in another directory is wanted here: " + rec.OutDir
	case len(rec.Messages) > 0 && rec.MessageFormat != strings.Join(u.messageFormat, " "):
		return "its messages were shown in another way"
	}
	depfile.Variables(rec.DepFile, func(name, value string, set bool) {
		now, ok := u.env(name)
		if why == "" && (ok != set || ok && depfile.EscapeValue(now) != u.localValue(value)) {
			why = "variable " + name
		}
	})
	if why != "" {
		return why
	}
	roots := u.roots()
	for _, in := range rec.Inputs {
		path := u.abs(fromPortable(in.Name, roots))
		if in.Digest == Absent {
			if exists(path) {
				return "file " + path
			}
			continue
		}
		if isDirectory(in.Name) {
			if digest, err := u.directoryDigest(filepath.Clean(path)); err != nil || digest != in.Digest {
				return "directory " + path
			}
			continue
		}
		if digest, _, err := Digest(path); err != nil || digest != in.Digest {
			return "file " + path
		}
	}
	for _, n := range rec.Natives {
		if u.resolveNative(n.Native, u.Links()) != n.What {
			return "library " + n.Name
		}
	}
	return ""
}

// Differs names an ingredient in which a request differs from a record.
func (r *Request) Differs(rec *Record) string {
	only := func(list, other []Ingredient) string {
		for _, i := range list {
			if !slices.Contains(other, i) {
				return i.Name
			}
		}
		return ""
	}
	if name := only(r.Ingredients, rec.Ingredients); name != "" {
		return name
	}
	if name := only(rec.Ingredients, r.Ingredients); name != "" {
		return name + " is gone"
	}
	return "order of ingredients"
}

// DepFile returns the list of inputs of a record that holds, for this call.
func (r *Request) DepFile(rec *Record) string {
	roots := r.unit.roots()
	text := depfile.Rename(rec.DepFile, func(name string) string { return fromPortable(name, roots) })
	return depfile.SetValues(text, r.unit.localValue)
}

// Roots are the directories that a record's messages may name, the longest first.
func (rec *Record) Roots() []string {
	dirs := []string{rec.OutDir, rec.Dir}
	if rec.OutEnv != "" {
		dirs = append(dirs, rec.OutEnv)
	}
	slices.SortFunc(dirs, func(a, b string) int { return len(b) - len(a) })
	return dirs
}

// Localize is what a path of a record's messages is called in this call.
func (r *Request) Localize(rec *Record, path string) string {
	made := &unit{Call: &Call{OutDir: rec.OutDir}, Context: Context{Dir: rec.Dir}, outEnv: rec.OutEnv}
	return fromPortable(made.portablePath(path), r.unit.roots())
}
