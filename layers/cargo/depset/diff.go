package depset

import (
	"cmp"
	"slices"
	"strings"
)

// Values of Difference.Kind.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Difference is one thing in which two fingerprints differ.
type Difference struct {
	Ingredient string `json:"ingredient"`
	Kind       string `json:"kind"`
	// Key is a package, a setting, a program; "" where the ingredient is one
	// value.
	Key string `json:"key,omitempty"`
	// Old and New are empty where there is none. They can be equal, where an
	// ingredient says less than its digest.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Unseen: Cargo does not compare it. A unit built with Old is fresh with New.
	Unseen bool `json:"unseen,omitempty"`
}

// Diff returns what makes g another fingerprint than f, in the order of the
// ingredients and sorted within each; nothing if and only if they have one id.
func (f *Fingerprint) Diff(g *Fingerprint) []Difference {
	if f.ID == g.ID {
		return nil
	}
	var names []string
	for _, i := range slices.Concat(f.Ingredients, g.Ingredients) {
		if !slices.Contains(names, i.Name) {
			names = append(names, i.Name)
		}
	}
	var all []Difference
	for _, name := range names {
		a, inF := f.Find(name)
		b, inG := g.Find(name)
		var found []Difference
		switch {
		case !inF:
			found = []Difference{{Kind: Added, New: b.Value}}
		case !inG:
			found = []Difference{{Kind: Removed, Old: a.Value}}
		case !a.equal(b):
			found = a.diff(b)
		}
		for i := range found {
			found[i].Ingredient, found[i].Unseen = name, slices.Contains(unhashed, name)
		}
		slices.SortFunc(found, func(x, y Difference) int {
			return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Old, y.Old), cmp.Compare(x.New, y.New))
		})
		all = append(all, found...)
	}
	return all
}

// diff compares two ingredients of one name that are not equal.
func (i Ingredient) diff(j Ingredient) []Difference {
	var found []Difference
	switch {
	case i.Name == IngredientPackages && len(i.Lines)+len(j.Lines) > 0:
		found = diffPackages(i.Lines, j.Lines)
	case i.Name == ingRustc && i.Value != j.Value:
		// All that follows from another version is not worth a word each.
		found = []Difference{{Kind: Changed, Old: i.Value, New: j.Value}}
		for _, d := range diffLines(i.Lines, j.Lines) {
			if d.Key == "host" {
				found = append(found, d)
			}
		}
	default:
		found = diffLines(i.Lines, j.Lines)
	}
	if len(found) == 0 {
		found = []Difference{{Kind: Changed, Old: i.Value, New: j.Value}}
	}
	return found
}

func diffLines(before, after []string) []Difference {
	split := func(lines []string) map[string]string {
		m := map[string]string{}
		for _, l := range lines {
			key, value, _ := strings.Cut(l, " = ")
			m[key] = value
		}
		return m
	}
	a, b := split(before), split(after)
	var found []Difference
	for key, old := range a {
		if now, ok := b[key]; !ok {
			found = append(found, Difference{Kind: Removed, Key: key, Old: old})
		} else if now != old {
			found = append(found, Difference{Kind: Changed, Key: key, Old: old, New: now})
		}
	}
	for key, now := range b {
		if _, ok := a[key]; !ok {
			found = append(found, Difference{Kind: Added, Key: key, New: now})
		}
	}
	return found
}

// diffPackages pairs the packages of two lists: of one name first those with
// compatible versions, then what is left.
func diffPackages(before, after []string) []Difference {
	byName := map[string]*[2][]Package{}
	for side, lines := range [2][]string{before, after} {
		other := [2][]string{after, before}[side]
		for _, line := range lines {
			// Both lists are sorted.
			if _, both := slices.BinarySearch(other, line); both {
				continue
			}
			p := ParsePackage(line)
			if byName[p.Name] == nil {
				byName[p.Name] = new([2][]Package)
			}
			byName[p.Name][side] = append(byName[p.Name][side], p)
		}
	}
	var found []Difference
	for name, sides := range byName {
		pair := func(alike func(a, b Package) bool) {
			sides[0] = slices.DeleteFunc(sides[0], func(a Package) bool {
				n := slices.IndexFunc(sides[1], func(b Package) bool { return alike(a, b) })
				if n < 0 {
					return false
				}
				d := Difference{Ingredient: IngredientPackages, Kind: Changed, Key: name, Old: a.text(), New: sides[1][n].text()}
				if d.Old == d.New {
					d.Old, d.New = a.text()+" (checksum "+a.checksum+")", d.New+" (checksum "+sides[1][n].checksum+")"
				}
				found = append(found, d)
				sides[1] = slices.Delete(sides[1], n, n+1)
				return true
			})
		}
		pair(func(a, b Package) bool { return a.Version == b.Version })
		pair(func(a, b Package) bool { return a.compatible() == b.compatible() })
		pair(func(a, b Package) bool { return true })
		for _, p := range sides[0] {
			found = append(found, Difference{Ingredient: IngredientPackages, Kind: Removed, Key: name, Old: p.text()})
		}
		for _, p := range sides[1] {
			found = append(found, Difference{Ingredient: IngredientPackages, Kind: Added, Key: name, New: p.text()})
		}
	}
	return found
}
