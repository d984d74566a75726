package depset

import (
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
)

// Covers reports whether what was built under f, into certain profile directories, was built of all
// that g names of registries and git, and with the same settings. Then what a build under g needs is
// among it, but for other features of the same packages: those no fingerprint tells. The project's own
// packages do not matter.
func (f *Fingerprint) Covers(g *Fingerprint, profiles []string) bool {
	for _, i := range slices.Concat(f.Ingredients, g.Ingredients) {
		a, inF := f.Find(i.Name)
		b, inG := g.Find(i.Name)
		switch {
		case inF != inG:
			return false
		case i.Name == IngredientPackages:
			if !covers(a.Lines, b.Lines) {
				return false
			}
		case i.Name == ingProfiles && slices.Equal(profiles, []string{"debug"}):
			if !slices.Equal(ofDebug(a.Lines), ofDebug(b.Lines)) {
				return false
			}
		case !a.equal(b):
			return false
		}
	}
	return true
}

// covers reports whether all packages of b but local ones are in a, both sorted.
func covers(a, b []string) bool {
	for _, line := range b {
		if _, found := slices.BinarySearch(a, line); !found && ParsePackage(line).Version != "" {
			return false
		}
	}
	return len(b) > 0
}

// ofDebug are those lines of profiles that decide what lies in the directory debug: nearly every
// project says something else of release.
func ofDebug(lines []string) (of []string) {
	for _, l := range lines {
		for _, start := range []string{"dev.", "test.", "doc.", "env.", config.IncrementalKey} {
			if strings.HasPrefix(l, start) {
				of = append(of, l)
				break
			}
		}
	}
	return of
}
