package rustc

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
)

// A script tells its crate where it has written something by a variable: OUT_DIR, or
// one that it has cargo set to a path in there (cargo::rustc-env=GENERATED=...). All of
// them are judged alike: the value is another one in every place, and harmless where it
// does nothing but name a file that is included.

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
	text := depfile.Rename(depFile, u.local)
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
