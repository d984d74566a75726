package depset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// fingerprintVersion changes when the ingredients do: layers filed under another
// version are found by no restore, which costs a build and nothing else.
const fingerprintVersion = "2"

// Fingerprint is the dependency-set fingerprint of a checkout: the name a layer
// is filed under, with every ingredient that went into it. Two checkouts with
// one fingerprint ask Cargo for the same registry units, features aside.
type Fingerprint struct {
	ID          string       `json:"id"` // 32 hex characters
	Ingredients []Ingredient `json:"ingredients"`
	// Changed is when a file was last changed that decides what is linked and that Cargo
	// does not look at, in ns: a linker, the C library. It is no part of the id.
	Changed int64 `json:"-"`
}

// Ingredient is one named part of a fingerprint. Value is what a person can
// read; Digest stands for the whole where that is long.
type Ingredient struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Digest string `json:"digest,omitempty"`
	// Lines say what Digest stands for, a package or "key = value" each, for
	// Diff and for people. They are no part of the id and may say less than the
	// digest covers.
	Lines []string `json:"lines,omitempty"`
}

// Names of ingredients. Those that other packages ask for are exported.
const (
	ingVersion          = "version"
	IngredientPackages  = "packages"
	ingRustc            = "rustc"
	ingCargo            = "cargo"
	IngredientCargoHome = "cargo-home"
	ingProfiles         = "profiles"
	ingSettings         = "settings"
	ingTargets          = "targets"
	ingLayout           = "layout"
	ingBootstrap        = "bootstrap"
	ingWrapper          = "workspace-wrapper"
	ingLinker           = "linker"
	ingLibc             = "libc"
	ingCPU              = "cpu"
	ingFlagFiles        = "flag-files"
)

// unhashed names the ingredients that no hash of Cargo's covers: a unit built
// with another one of these is fresh for Cargo.
var unhashed = []string{ingLinker, ingLibc, ingCPU, ingFlagFiles, ingWrapper, ingBootstrap}

// Get returns the value of the ingredient called name.
func (f *Fingerprint) Get(name string) string {
	i, _ := f.Find(name)
	return i.Value
}

// Find returns the ingredient called name, and whether there is one.
func (f *Fingerprint) Find(name string) (Ingredient, bool) {
	for _, i := range f.Ingredients {
		if i.Name == name {
			return i, true
		}
	}
	return Ingredient{}, false
}

// DiffersUnseen returns the name of an ingredient in which two fingerprints differ
// without Cargo noticing, "" if there is none. Ingredients named in but do not count.
func (f *Fingerprint) DiffersUnseen(g *Fingerprint, but ...string) string {
	for _, name := range unhashed {
		if slices.Contains(but, name) {
			continue
		}
		a, inF := f.Find(name)
		b, inG := g.Find(name)
		if inF != inG || !a.equal(b) {
			return name
		}
	}
	return ""
}

func (i Ingredient) equal(j Ingredient) bool {
	return i.Name == j.Name && i.Value == j.Value && i.Digest == j.Digest
}

func (f *Fingerprint) add(name, value string) {
	f.Ingredients = append(f.Ingredients, Ingredient{Name: name, Value: value})
}

// addLines adds an ingredient whose digest is that of its lines.
func (f *Fingerprint) addLines(name, value string, lines []string) {
	f.Ingredients = append(f.Ingredients, Ingredient{name, value, digest.OfText(strings.Join(lines, "\n")), lines})
}

func (f *Fingerprint) seal() {
	var b strings.Builder
	for _, i := range f.Ingredients {
		fmt.Fprintf(&b, "%q %q %q\n", i.Name, i.Value, i.Digest)
	}
	f.ID = digest.OfText(b.String())
}

// IsOtherBuild reports whether f and g are of the same packages, and differ in how these are built.
func (f *Fingerprint) IsOtherBuild(g *Fingerprint) bool {
	a, _ := f.Find(IngredientPackages)
	b, _ := g.Find(IngredientPackages)
	return f.ID != g.ID && a.Digest == b.Digest
}

// GraftsTo reports whether a unit built under f serves a checkout with the fingerprint
// g that needs a unit of the same key: all that Cargo does not compare is equal, and so is
// the path of the sources.
func (f *Fingerprint) GraftsTo(g *Fingerprint) bool {
	// A wrapper of the members' compiler does not see what is grafted.
	return f.DiffersUnseen(g, ingWrapper) == "" && f.Get(IngredientCargoHome) == g.Get(IngredientCargoHome)
}
