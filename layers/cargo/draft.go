package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// draft is a manifest that is being written. Every input, tree and fact stands in it
// once, however many units use it.
type draft struct {
	manifest *Manifest
	place    *Place
	rules    Rules
	from     *attribution
	trees    *treeReader // by which inputs are read

	inputIndex, treeIndex, factIndex map[string]int // in the manifest
}

func newDraft(p *Place, rules Rules, from *attribution, trees *treeReader, m *Manifest) *draft {
	return &draft{
		place: p, rules: rules, from: from, trees: trees, manifest: m,
		inputIndex: map[string]int{}, treeIndex: map[string]int{}, factIndex: map[string]int{},
	}
}

func (d *draft) input(in Input) int {
	key := in.Kind + " " + in.Loc.String()
	i, ok := d.inputIndex[key]
	if ok && d.manifest.Inputs[i] != in { // one of both is inherited
		key += " " + in.Value
		i, ok = d.inputIndex[key]
	}
	if !ok {
		i = len(d.manifest.Inputs)
		d.inputIndex[key] = i
		d.manifest.Inputs = append(d.manifest.Inputs, in)
	}
	return i
}

func (d *draft) tree(t Tree) int {
	for key := t.Scope + " " + t.Loc.String(); ; key += "+" {
		i, ok := d.treeIndex[key]
		if !ok {
			i = len(d.manifest.Trees)
			d.treeIndex[key] = i
			d.manifest.Trees = append(d.manifest.Trees, t)
			return i
		}
		if slices.Equal(d.manifest.Trees[i].Entries, t.Entries) {
			return i
		}
	}
}

func (d *draft) fact(f Fact) int {
	key := f.Kind + " " + f.Loc.String() + " " + f.Value
	i, ok := d.factIndex[key]
	if !ok {
		i = len(d.manifest.Facts)
		d.factIndex[key] = i
		d.manifest.Facts = append(d.manifest.Facts, f)
	}
	return i
}

// display names a path of the place for a person.
func (d *draft) display(path string) string {
	if rel, ok := paths.Under(path, d.place.Workspace.Root); ok && rel != "" {
		return rel
	}
	return path
}
