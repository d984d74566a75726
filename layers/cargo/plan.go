package cargo

import "slices"

// Plan is what Verify found: which units of a manifest may stay as they are in a
// place, and which are rebuilt there.
type Plan struct {
	manifest *Manifest
	place    *Place
	settings Settings
	reasons  []*Reason // by unit; nil: nothing against it
	atHome   []bool    // by origin: the place is where that origin was
	// newest is, by unit, what Cargo will say of the newest file of a package
	// whose script declares nothing.
	newest map[int]string
	needed map[string]bool // nil: all
	nests  []nestedPlan
	lacked map[string]bool // see Lacked
}

// Narrow tells the plan which units, by key, a build of the place needs. Programs
// that belong to other units are none that it would make.
func (p *Plan) Narrow(needed map[string]bool) { p.needed = needed }

// MadeFor reports whether the manifest's registry units were built for what the
// place asks for: then there is no need to plan its build.
func (p *Plan) MadeFor() bool {
	m, ws := p.manifest, p.place.Workspace
	return m.Fingerprint.ID == p.place.Fingerprint.ID && m.Requested == ws.Requested()
}

// dirty reports, by unit, what will be rebuilt: what has a reason and all above.
func (p *Plan) dirty() []bool {
	units := p.manifest.Units
	dirty := make([]bool, len(units))
	var visit func(i int) bool
	seen := make([]bool, len(units))
	visit = func(i int) bool {
		if seen[i] {
			return dirty[i]
		}
		seen[i] = true
		dirty[i] = p.reasons[i] != nil
		for _, d := range units[i].Deps {
			if visit(d) {
				dirty[i] = true
			}
		}
		return dirty[i]
	}
	for i := range units {
		visit(i)
	}
	return dirty
}

// Rebuild lists the units that the next build will rebuild.
func (p *Plan) Rebuild() []Verdict {
	var list []Verdict
	dirty := p.dirty()
	for i := range p.manifest.Units {
		u := &p.manifest.Units[i]
		if !dirty[i] || p.needed != nil && !p.needed[u.key()] {
			continue
		}
		v := Verdict{UnitName: u.UnitName, Reason: p.reasons[i]}
		if v.Reason == nil {
			for _, d := range u.Deps {
				if dirty[d] {
					v.Because = append(v.Because, p.manifest.Units[d].Unit)
				}
			}
			v.Reason = &Reason{RuleDependency, "a dependency will be rebuilt"}
		}
		list = append(list, v)
	}
	return list
}

// Kept counts the units, listed or not, that stay fresh.
func (p *Plan) Kept() int {
	return p.manifest.Immutable + len(p.manifest.Units) - len(p.Rebuild())
}

// bindStrays has the run of every script made dirty that may have left something
// which goes with the dirty run of another: only both together make it again.
func (p *Plan) bindStrays() {
	if !p.settings.Rules.On(RuleLeftOutside) {
		return
	}
	for again := true; again; {
		again = false
		dirty := p.dirty()
		for _, s := range p.manifest.Strays {
			if !slices.ContainsFunc(s.Units, func(i int) bool { return dirty[i] }) {
				continue
			}
			if slices.ContainsFunc(s.Units, func(i int) bool { return !dirty[i] }) {
				p.remake(s.Units, escapePath(string(s.Path))+" may be its own, and that of a script that runs again")
				again = true
			}
		}
	}
}

func (p *Plan) remake(units []int, detail string) {
	for _, i := range units {
		if p.reasons[i] == nil {
			p.reasons[i] = &Reason{RuleLeftOutside, detail}
		}
	}
}

// nestedPlan is the plan for a build directory inside another.
type nestedPlan struct {
	path string
	plan *Plan
}
