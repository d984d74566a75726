package rustc

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// portablePath is a path as it is called in every checkout that has it in the same place.
// Names that are relative stay so.
func (u *unit) portablePath(path string) string {
	return toPortable(path, u.roots())
}

// root is a directory and what stands for it.
type root struct{ dir, name string }

// roots are the directories that move with a checkout, the innermost first.
func (u *unit) roots() []root {
	var list []root
	if u.outEnv != "" {
		list = append(list, root{u.outEnv, "{OUT_DIR}"})
	}
	return append(list, root{u.OutDir, "{out-dir}"}, root{u.Dir, "{cwd}"})
}

func toPortable(path string, roots []root) string {
	for _, r := range roots {
		if path == r.dir {
			return r.name
		}
		if paths.Below(path, r.dir) {
			return r.name + path[len(r.dir):]
		}
	}
	return path
}

func fromPortable(name string, roots []root) string {
	for _, r := range roots {
		if name == r.name {
			return r.dir
		}
		if paths.Below(name, r.name) {
			return r.dir + name[len(r.name):]
		}
	}
	return name
}

// portableText is a value with the directories that move with a checkout replaced,
// wherever in it.
func (u *unit) portableText(value string) string {
	for _, r := range u.roots() {
		value = replacePath(value, r.dir, r.name)
	}
	return value
}

// replacePath replaces a path where it stands as a whole or as the front of a longer
// one, without doubt: what is replaced counts as the same in every checkout.
func replacePath(text, dir, name string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, dir)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := i + len(dir)
		b.WriteString(text[:i])
		if paths.MustEnd(text, end) {
			b.WriteString(name)
		} else {
			b.WriteString(dir)
		}
		text = text[end:]
	}
}

// A script tells its crate where it has written something by a variable: OUT_DIR, or
// one that it has cargo set to a path in there (cargo::rustc-env=GENERATED=...). All of
// them are judged alike: the value is another one in every checkout, and harmless where
// it does nothing but name a file that is included.

const outDirName = "{OUT_DIR}"

// variablesInOutDir are the variables that the crate asked for whose values are the
// script's directory, or lie in it.
func (u *unit) variablesInOutDir(depFile string) (names []string) {
	if u.outEnv == "" {
		return nil
	}
	depfile.Variables(depFile, func(name, value string, set bool) {
		if set && u.portableValue(value) != value {
			names = append(names, name)
		}
	})
	return names
}

// portableValue is a variable's value with what stands for the script's directory at
// its front.
func (u *unit) portableValue(value string) string {
	if u.outEnv == "" {
		return value
	}
	return toPortable(value, []root{{depfile.EscapeValue(u.outEnv), outDirName}})
}

// localValue is a portable value as it is in this call.
func (u *unit) localValue(value string) string {
	if u.outEnv == "" {
		return value
	}
	return fromPortable(value, []root{{depfile.EscapeValue(u.outEnv), outDirName}})
}

// portableDepFile is a .d file with names that are the same everywhere.
func (u *unit) portableDepFile(rec *Record, depFile string) (string, error) {
	text := depfile.Rename(depFile, u.portablePath)
	var refused error
	text = depfile.SetValues(text, func(value string) string {
		if value == outDirName || paths.Below(value, outDirName) {
			refused = &Uncacheable{"variable", value} // it would be taken for ours
		}
		if rec.Portability == SameOutDir {
			return value
		}
		return u.portableValue(value)
	})
	return text, refused
}
