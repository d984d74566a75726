package rustc

import (
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// Context is what surrounds a call.
type Context struct {
	Dir     string // working directory, by its real path
	Environ []string
	// InPlace: outputs that were made in another directory must not be used here, nor
	// those of this call elsewhere.
	InPlace bool
	// Wrapper is a program that runs the compiler in its own way, "" for none.
	Wrapper string
}

// unit is a call in its context, and what was found out about it.
type unit struct {
	*Call
	Context
	ingredients    []Ingredient
	trailers       []Trailer // of the externs that have one
	withoutTrailer []string  // externs that have none
	outEnv         string    // the variable OUT_DIR
	linkedDepFiles []string  // .d files of what is linked into the output
	nativeDirs     []string  // that native libraries are looked for in
	askedNatives   []Native  // those that arguments of the linker ask for
	// linkedReach is what the code of the crates that are linked into the output gets at.
	linkedReach rustsrc.Reach
}

func (u *unit) add(name, value string) {
	u.ingredients = append(u.ingredients, Ingredient{name, value})
}

// env returns the value of a variable; the first one counts, as in getenv(3).
func (u *unit) env(name string) (string, bool) {
	for _, e := range u.Environ {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (u *unit) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return u.Dir + "/" + path
}
