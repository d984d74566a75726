package cargo

import "fmt"

// Dirty returns the keys of the units that Cargo would rebuild in the place, with
// documentation, which it never takes over.
func (p *Plan) Dirty() []string {
	var keys []string
	for i, d := range p.dirty() {
		if u := &p.manifest.Units[i]; d || u.Doc {
			keys = append(keys, u.key())
		}
	}
	return keys
}

// FreshInside counts the units that stay fresh in build directories inside the
// plan's. Nothing is recorded of what they are worth.
func (p *Plan) FreshInside() int {
	n := 0
	for _, inside := range p.nests {
		n += len(inside.plan.manifest.Units) - len(inside.plan.Dirty()) + inside.plan.FreshInside()
	}
	return n
}

// Grafts reports whether units of the manifest serve the place where their keys
// coincide.
func (p *Plan) Grafts() bool { return p.manifest.Fingerprint.GraftsTo(p.place.Fingerprint) }

// Stock reads the units of dir, where Apply has made a copy of the manifest's layer
// true for the place: all that are fresh there may be taken, mutable ones too.
func StockOf(p *Plan, dir string, recall []byte) (*Stock, error) {
	s, err := scan(dir, p.place.Workspace.CargoHome, recall)
	if err != nil {
		return nil, fmt.Errorf("read units to join: %w", err)
	}
	listed, dirty := map[string]int{}, p.dirty()
	for i := range p.manifest.Units {
		listed[p.manifest.Units[i].key()] = i
	}
	st := &Stock{scanned: s, byKey: map[string]*built{}, portable: map[*built]bool{}}
	for _, u := range s.units {
		st.byKey[u.key] = u
		if i, ok := listed[u.key]; ok {
			st.portable[u] = u.broken == nil && !dirty[i] && !u.doc
		} else {
			st.portable[u] = u.recalled || u.recallable()
		}
	}
	return st, nil
}

// Join adds to m what the manifest of a plan says of the units that g has taken
// from its stock: the next inspection then knows what they were built from, and
// where. m is another manifest than any build makes: what it describes was never
// sealed.
func Join(m *Manifest, p *Plan, g *Graft) {
	from := p.manifest
	number := map[string]int{}
	for i := range m.Units {
		number[m.Units[i].key()] = i
	}
	taken := map[string]bool{}
	for _, h := range g.taken {
		taken[h.unit.key] = true
	}
	var added []int
	for i := range from.Units {
		if key := from.Units[i].key(); taken[key] {
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
			if n, ok := number[from.Units[d].key()]; ok {
				deps = append(deps, n)
			}
		}
		u.Deps = deps
		m.Units = append(m.Units, u)
	}
	m.Others = ""
}

func moveUses(uses []Use, by int) []Use {
	moved := make([]Use, len(uses))
	for i, u := range uses {
		moved[i] = Use{u.Index + by, u.Rule}
	}
	return moved
}
