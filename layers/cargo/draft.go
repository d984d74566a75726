package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// draft is a manifest that is being written. Every input, tree and fact is in it once,
// however many units use it.
type draft struct {
	manifest *manifest.Manifest
	checkout *checkout.Checkout
	rules    rule.Set
	from     *checkout.Attribution
	trees    *inputs.TreeReader // by which inputs are read

	inputIndex, treeIndex, factIndex map[string]int // in the manifest
}

func newDraft(co *checkout.Checkout, rules rule.Set, from *checkout.Attribution, trees *inputs.TreeReader, m *manifest.Manifest) *draft {
	return &draft{
		checkout: co, rules: rules, from: from, trees: trees, manifest: m,
		inputIndex: map[string]int{}, treeIndex: map[string]int{}, factIndex: map[string]int{},
	}
}

func (d *draft) input(in manifest.Input) int {
	key := in.Kind + " " + in.Path.String()
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

func (d *draft) tree(t manifest.Tree) int {
	for key := t.Scope + " " + t.Path.String(); ; key += "+" {
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

func (d *draft) fact(f manifest.Fact) int {
	key := f.Kind + " " + f.Path.String() + " " + f.Value
	i, ok := d.factIndex[key]
	if !ok {
		i = len(d.manifest.Facts)
		d.factIndex[key] = i
		d.manifest.Facts = append(d.manifest.Facts, f)
	}
	return i
}

// display names a path of the checkout for a person.
func (d *draft) display(path string) string {
	if rel, ok := paths.Under(path, d.checkout.Workspace.Root); ok && rel != "" {
		return rel
	}
	return path
}
