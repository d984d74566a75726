package cargo

import (
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
)

// Cargo hashes the absolute path of the linker that it is configured to call into
// the fingerprint of every unit, those of the registry too (cargo 1.95, compiler/
// fingerprint/mod.rs:calculate_normal). One that lies in the checkout has another
// path in each; that its content is the same is an ingredient of the dependency-set
// fingerprint.

// linker returns which of the checkout's own linkers a unit's fingerprint holds, nil if
// none.
func (d *draft) linker(u *builddir.Unit) *rooted.Path {
	if u.Run || u.Fingerprint == nil {
		return nil
	}
	for _, l := range d.checkout.Linkers {
		if _, ok := fingerprint.Relink(u.Fingerprint.Config, l, l); !ok {
			continue
		}
		if loc, _ := d.from.Origins[0].Locate(l); loc.Root != rooted.Absolute {
			return &loc
		}
	}
	return nil
}

// relink changes the linker in a fingerprint to that in the checkout. It reports whether
// what was there is the linker where the directory was sealed.
func (p *Plan) relink(u *manifest.Unit, f *fingerprint.Fingerprint) bool {
	to, ok := p.Checkout.Abs(*u.Linker)
	if !ok {
		return false
	}
	if _, ok := fingerprint.Relink(f.Config, to, to); ok {
		return true
	}
	for _, n := range p.Manifest.Origins[0].Names {
		if n.Root != u.Linker.Root {
			continue
		}
		if config, ok := fingerprint.Relink(f.Config, string(n.Text)+"/"+u.Linker.Rel, to); ok {
			f.Config = config
			return true
		}
	}
	return false
}
