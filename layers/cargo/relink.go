package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
)

// Cargo hashes the absolute path of the linker that it is configured to call into
// the fingerprint of every unit, those of the registry too (cargo 1.95, compiler/
// fingerprint/mod.rs:calculate_normal). One that lies in the checkout has another
// path in each; that its content is the same is an ingredient of the dependency-set
// fingerprint.

// linker returns which of the place's own linkers a unit's fingerprint holds.
func (d *draft) linker(u *built) *Loc {
	if u.run || u.print == nil {
		return nil
	}
	for _, l := range d.place.Linkers {
		if _, ok := fingerprint.Relink(u.print.Config, l, l); !ok {
			continue
		}
		if loc, _ := d.from.origins[0].locate(l); loc.Base != BaseFixed {
			return &loc
		}
	}
	return nil
}

// relink brings the linker in a fingerprint to its place. It reports whether what is
// there is the linker where the directory was sealed.
func (p *Plan) relink(u *Unit, f *fingerprint.Fingerprint) bool {
	to, ok := p.place.Abs(*u.Linker)
	if !ok {
		return false
	}
	if _, ok := fingerprint.Relink(f.Config, to, to); ok {
		return true
	}
	for _, n := range p.manifest.Origins[0].Names {
		if n.Base != u.Linker.Base {
			continue
		}
		if config, ok := fingerprint.Relink(f.Config, string(n.Text)+"/"+u.Linker.Path, to); ok {
			f.Config = config
			return true
		}
	}
	return false
}

// relinked reports whether Cargo calls a linker by another path for a unit than when
// it was built, as far as that is the checkout's own.
func (e *explainer) relinked(u *built) *Reason {
	if len(e.place.Linkers) == 0 || u.run || u.doc || u.print == nil || fingerprint.NoLinker(u.print.Config) ||
		slices.ContainsFunc(e.place.Linkers, func(l string) bool { _, ok := fingerprint.Relink(u.print.Config, l, l); return ok }) {
		return nil
	}
	return &Reason{RuleCargo, "the path of the linker is another here"}
}
