package rustc

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/session"
)

// local is a path as it is called in every checkout that has it in the same place.
// Names that are relative stay so.
func (u *unit) local(path string) string {
	return localName(path, u.places())
}

// place is a directory and what stands for it.
type place struct{ dir, name string }

// places are the directories that move with a checkout, the innermost first.
func (u *unit) places() []place {
	var list []place
	if u.outEnv != "" {
		list = append(list, place{u.outEnv, "{OUT_DIR}"})
	}
	return append(list, place{u.OutDir, "{out-dir}"}, place{u.cwd, "{cwd}"})
}

func localName(path string, places []place) string {
	for _, p := range places {
		if path == p.dir {
			return p.name
		}
		if in(path, p.dir) {
			return p.name + path[len(p.dir):]
		}
	}
	return path
}

func fullName(name string, places []place) string {
	for _, p := range places {
		if name == p.name {
			return p.dir
		}
		if in(name, p.name) {
			return p.dir + name[len(p.name):]
		}
	}
	return name
}

// localText is a value with the directories that move with a checkout replaced,
// wherever in it.
func (u *unit) localText(value string) string {
	for _, p := range u.places() {
		value = replacePath(value, p.dir, p.name)
	}
	return value
}

// replacePath replaces a path where it stands as a whole or as the front of a
// longer one.
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
		if end == len(text) || strings.IndexByte("/:;, \"'", text[end]) >= 0 {
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

// belowOutDir are the variables that the crate asked for whose values are the
// script's directory, or lie in it.
func (u *unit) belowOutDir(depFile string) (names []string) {
	if u.outEnv == "" {
		return nil
	}
	environment(depFile, func(name, value string, set bool) {
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
	return localName(value, []place{{escaped.Replace(u.outEnv), outDirName}})
}

// here is a portable value as it is in this call.
func (u *unit) here(value string) string {
	if u.outEnv == "" {
		return value
	}
	return fullName(value, []place{{escaped.Replace(u.outEnv), outDirName}})
}

// portable is a .d file with names that are the same everywhere.
func (u *unit) portable(rec *Record, depFile string) (string, error) {
	text := session.Rename(depFile, u.local)
	var odd error
	text = replaceValues(text, func(value string) string {
		if value == outDirName || in(value, outDirName) {
			odd = &Odd{"variable", value} // it would be taken for ours
		}
		if rec.Bound == SamePlace {
			return value
		}
		return u.portableValue(value)
	})
	return text, odd
}

// replaceValues replaces the values of the variables that a .d file says were set.
func replaceValues(depFile string, by func(value string) string) string {
	const key = "# env-dep:"
	if !strings.Contains(depFile, key) {
		return depFile
	}
	var b strings.Builder
	for l := range strings.Lines(depFile) {
		text := strings.TrimRight(l, "\r\n")
		if name, value, set := strings.Cut(text, "="); set && strings.HasPrefix(name, key) {
			b.WriteString(name + "=" + by(value) + l[len(text):])
			continue
		}
		b.WriteString(l)
	}
	return b.String()
}
