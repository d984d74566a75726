package cargo

import (
	"maps"
	"slices"
)

// maxLacked bounds how many missing files are remembered: what comes later comes
// whole, as a submodule does, so a few tell.
const maxLacked = 64

// Lacked lists files, by absolute name, that units of the manifest were built from
// and that are missing in the place. They may come yet, as those of a submodule
// do, and then the manifest has to be compared again. In a tree that lacks several
// it is the first one.
func (p *Plan) Lacked() []string { return slices.Sorted(maps.Keys(p.lacked)) }

func (v *verifier) lack(d *diff) {
	if d.lacked == "" || len(v.plan.lacked) >= maxLacked {
		return
	}
	if v.plan.lacked == nil {
		v.plan.lacked = map[string]bool{}
	}
	v.plan.lacked[d.lacked] = true
}
