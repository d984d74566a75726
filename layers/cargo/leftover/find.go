// Package leftover finds what no cargo command can use again in a build directory, by what is known of the
// workspace and its compilers, and removes it: units of packages that are gone or whose compiler is, units that
// were built with something that is no longer there, what killed builds have left, and incremental state that
// rustc would not start from. It promises that every unit which was fresh stays so. In doubt a thing stays;
// what is neither Cargo's nor rustc's is never touched.
//
// A Plan is true as long as Cargo's locks on the directory are held (builddir.Lock), which is the caller's
// business, and it is carried out under the same ones. It is for one goroutine. A process may be killed at any
// instant: what is half removed is a unit that Cargo builds anew, never one that it takes for whole, and the
// next plan has the rest.
package leftover

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

// Find lists what no build needs in the build directory dir. It changes nothing.
func Find(dir string, known Known) (*Plan, error) {
	bd, err := builddir.Scan(dir, known.CargoHome, nil)
	if err != nil {
		return nil, fmt.Errorf("look through %s: %w", dir, err)
	}
	bd.Profiles = ownProfiles(dir, bd.Profiles)
	bd.Units = slices.DeleteFunc(bd.Units, func(u *builddir.Unit) bool { return !slices.Contains(bd.Profiles, u.Profile) })
	beside, err := builddir.ListBeside(dir, bd.Profiles, bd.Units)
	if err != nil {
		return nil, fmt.Errorf("look through %s: %w", dir, err)
	}
	p := newPlan(dir)
	j := newJudge(bd, known, beside.Placed)
	j.judge()
	if err := j.list(p); err != nil {
		return nil, err
	}
	for _, profile := range bd.Profiles {
		d := newDebris(bd, profile, j.dead)
		if err := d.list(p); err != nil {
			return nil, fmt.Errorf("look through %s: %w", profile, err)
		}
	}
	if err := listSessions(p, bd, j); err != nil {
		return nil, err
	}
	p.Doubts = known.Doubts
	return p, nil
}

// Incremental lists all that rustc keeps for its next compilations in the build directory
// dir, of every crate, unless one is at work there. No unit is less fresh without it; what
// is edited next is compiled from nothing.
func Incremental(dir string) (*Plan, error) {
	profiles, err := builddir.Profiles(dir)
	if err != nil {
		return nil, err
	}
	p := newPlan(dir)
	for _, profile := range ownProfiles(dir, profiles) {
		crates, err := crateDirs(dir, profile)
		if err != nil {
			return nil, err
		}
		for _, c := range crates {
			sessions, err := sessionsIn(dir, c)
			if err != nil {
				return nil, err
			}
			p.add(Item{Reason: AllSessions, Unit: crateName(c), Profile: profile, Paths: sessions})
		}
	}
	slices.SortStableFunc(p.Items, func(a, b Item) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return p, nil
}
