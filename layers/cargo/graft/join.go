package graft

import (
	"fmt"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
)

// SourceOf reads the units of dir, a copy of the layer of p's manifest that p.Apply has
// made true for its checkout: all that are fresh there may be taken, mutable ones too.
func SourceOf(p *cargo.Plan, dir string, unitCache []byte) (*Source, error) {
	bd, err := builddir.Scan(dir, p.Checkout.Workspace.CargoHome, unitCache)
	if err != nil {
		return nil, fmt.Errorf("read units to join: %w", err)
	}
	listed, dirty := map[string]int{}, p.DirtyUnits()
	for i := range p.Manifest.Units {
		listed[p.Manifest.Units[i].Key()] = i
	}
	src := &Source{dir: bd, byKey: map[string]*builddir.Unit{}, portable: map[*builddir.Unit]bool{}}
	for _, u := range bd.Units {
		src.byKey[u.Key] = u
		if i, ok := listed[u.Key]; ok {
			src.portable[u] = u.Broken == nil && !dirty[i] && !u.Doc
		} else {
			src.portable[u] = u.Cached || u.Cacheable()
		}
	}
	return src, nil
}

// Join adds to m, the manifest of g's directory, what the manifest of p says of the units
// that g has taken from p's layer: so the next inspection knows what they were built
// from, and where. m then describes a directory that was never sealed.
func Join(m *manifest.Manifest, p *cargo.Plan, g *Graft) {
	from := p.Manifest
	number := map[string]int{}
	for i := range m.Units {
		number[m.Units[i].Key()] = i
	}
	taken := map[string]bool{}
	for _, h := range g.taken {
		taken[h.Unit.Key] = true
	}
	var added []int
	for i := range from.Units {
		if key := from.Units[i].Key(); taken[key] {
			number[key] = len(m.Units) + len(added)
			added = append(added, i)
		}
	}
	origins, inputs, trees, facts := len(m.Origins), len(m.Inputs), len(m.Trees), len(m.Facts)
	m.Origins = append(m.Origins, from.Origins...)
	m.Inputs = append(m.Inputs, from.Inputs...)
	m.Trees = append(m.Trees, from.Trees...)
	m.Facts = append(m.Facts, from.Facts...)
	for _, i := range added {
		u := from.Units[i]
		u.Origin += origins
		u.Inputs, u.Trees, u.Facts = moveUses(u.Inputs, inputs), moveUses(u.Trees, trees), moveUses(u.Facts, facts)
		var deps []int
		for _, d := range u.Deps {
			if n, ok := number[from.Units[d].Key()]; ok {
				deps = append(deps, n)
			}
		}
		u.Deps = deps
		m.Units = append(m.Units, u)
	}
	m.Others = ""
}

func moveUses(uses []manifest.Use, by int) []manifest.Use {
	moved := make([]manifest.Use, len(uses))
	for i, u := range uses {
		moved[i] = manifest.Use{Index: u.Index + by, Rule: u.Rule}
	}
	return moved
}
