package cargo

import (
	"maps"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Plan is what Verify found: which units of a manifest may stay as they are in a
// checkout, and which are rebuilt there.
type Plan struct {
	Manifest *manifest.Manifest
	Checkout *checkout.Checkout
	settings rule.Settings
	reasons  []*rule.Reason // by unit; nil: nothing against it
	atHome   []bool         // by origin: the checkout lies where that origin was
	// newest is, by unit, what Cargo will say of the newest file of a package
	// whose script declares nothing.
	newest map[int]string
	needed map[string]bool // nil: all
	nests  []nestedPlan
	lacked map[string]bool // see Lacked
}

// Narrow tells the plan which units, by key, a build of the checkout needs. Programs of
// other units are removed by Apply: that build would not make them.
func (p *Plan) Narrow(needed map[string]bool) { p.needed = needed }

// MadeFor reports whether the manifest's registry units were built for what the checkout
// asks for: then there is no need to plan its build.
func (p *Plan) MadeFor() bool {
	m, ws := p.Manifest, p.Checkout.Workspace
	return m.Fingerprint.ID == p.Checkout.Fingerprint.ID && m.Requested == ws.Requested()
}

// DirtyUnits reports, by index in the manifest, which units will be rebuilt: those that
// have a reason, and all that depend on them.
func (p *Plan) DirtyUnits() []bool {
	units := p.Manifest.Units
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
func (p *Plan) Rebuild() []freshness.Verdict {
	var list []freshness.Verdict
	dirty := p.DirtyUnits()
	for i := range p.Manifest.Units {
		u := &p.Manifest.Units[i]
		if !dirty[i] || p.needed != nil && !p.needed[u.Key()] {
			continue
		}
		v := freshness.Verdict{UnitName: u.UnitName, Reason: p.reasons[i]}
		if v.Reason == nil {
			for _, d := range u.Deps {
				if dirty[d] {
					v.Because = append(v.Because, p.Manifest.Units[d].Unit)
				}
			}
			v.Reason = rule.Because(rule.Dependency, "a dependency will be rebuilt")
		}
		list = append(list, v)
	}
	return list
}

// Kept counts the units, listed or not, that stay fresh.
func (p *Plan) Kept() int {
	return p.Manifest.Immutable + len(p.Manifest.Units) - len(p.Rebuild())
}

// bindStrays makes the run of a script dirty if it may have left a stray that another
// dirty run may have left, too: only both together make that again.
func (p *Plan) bindStrays() {
	if !p.settings.Rules.On(rule.LeftOutside) {
		return
	}
	for again := true; again; {
		again = false
		dirty := p.DirtyUnits()
		for _, s := range p.Manifest.Strays {
			if !slices.ContainsFunc(s.Units, func(i int) bool { return dirty[i] }) {
				continue
			}
			if slices.ContainsFunc(s.Units, func(i int) bool { return !dirty[i] }) {
				p.remake(s.Units, paths.Escape(string(s.Path))+" may be its own, and that of a script that runs again")
				again = true
			}
		}
	}
}

func (p *Plan) remake(units []int, detail string) {
	for _, i := range units {
		if p.reasons[i] == nil {
			p.reasons[i] = rule.Because(rule.LeftOutside, detail)
		}
	}
}

// nestedPlan is the plan for a build directory inside another.
type nestedPlan struct {
	path string
	plan *Plan
}

// Noted lists the plan's own reasons, to be kept with the restored directory.
func (p *Plan) Noted() []freshness.Noted {
	var list []freshness.Noted
	for i, r := range p.reasons {
		if r != nil {
			u := &p.Manifest.Units[i]
			list = append(list, freshness.Noted{Record: u.Record, File: u.File, Reason: *r})
		}
	}
	return list
}

// Dirty returns the keys of the units that Cargo would rebuild in the checkout, with
// documentation, which is never carried over.
func (p *Plan) Dirty() []string {
	var keys []string
	for i, d := range p.DirtyUnits() {
		if u := &p.Manifest.Units[i]; d || u.Doc {
			keys = append(keys, u.Key())
		}
	}
	return keys
}

// DirtyKeys is Dirty as a set.
func (p *Plan) DirtyKeys() map[string]bool {
	set := map[string]bool{}
	for _, key := range p.Dirty() {
		set[key] = true
	}
	return set
}

// FreshInside counts the units that stay fresh in build directories inside the
// plan's. What they cost to build is not recorded.
func (p *Plan) FreshInside() int {
	n := 0
	for _, inside := range p.nests {
		n += len(inside.plan.Manifest.Units) - len(inside.plan.Dirty()) + inside.plan.FreshInside()
	}
	return n
}

// Grafts reports whether a unit of the manifest serves the checkout if that needs one of
// the same key.
func (p *Plan) Grafts() bool { return p.Manifest.Fingerprint.GraftsTo(p.Checkout.Fingerprint) }

// Lacked lists files, by absolute name, that units of the manifest were built from and
// that are missing in the checkout. They may appear later, as those of a submodule do,
// and then the manifest has to be compared again. Of a tree that lacks several, only the
// first one is listed.
func (p *Plan) Lacked() []string { return slices.Sorted(maps.Keys(p.lacked)) }

// DiffersInside reports whether Differing units are in a build directory inside the
// plan's.
func (p *Plan) DiffersInside() bool {
	return slices.ContainsFunc(p.nests, func(n nestedPlan) bool { return len(n.plan.Differing()) > 0 })
}

// Fresh lists the units of the plan's layer that stay as they are in the checkout;
// unitCache is the layer's. Documentation never stays.
func (p *Plan) Fresh(unitCache []byte) []manifest.Entry {
	dirty := map[string]bool{}
	for i, d := range p.DirtyUnits() {
		u := &p.Manifest.Units[i]
		dirty[u.Key()] = d || u.Doc
	}
	return slices.DeleteFunc(manifest.Entries(p.Manifest, unitCache), func(e manifest.Entry) bool { return dirty[e.Key] })
}

// Differing returns the keys of the units that were built from something that is not the
// same in the checkout. Units that would be rebuilt anywhere, or only because of others,
// are not among them.
func (p *Plan) Differing() []string {
	var keys []string
	for i, r := range p.reasons {
		if u := &p.Manifest.Units[i]; r != nil && u.Always == nil {
			keys = append(keys, u.Key())
		}
	}
	return keys
}
