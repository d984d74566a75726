package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
)

// dropDead removes the dead units from bd, those that no build with the lockfile can ask
// for: units of registry and git packages that are not in it, and all their dependents,
// since the hash of a unit covers what it depends on. It returns their files, and those of
// old sessions, relative to the build directory; and the immutable ones of the units.
func dropDead(bd *builddir.Dir, lock *lockfile.Lockfile) (files []string, immutable []*builddir.Unit, err error) {
	var dead map[*builddir.Unit]bool
	if lock != nil {
		locked := depset.LockedSources(lock)
		dead = bd.WithDependents(func(u *builddir.Unit) bool { return u.From != "" && !locked.Have(u.From) })
	}
	for _, u := range bd.Units {
		if !dead[u] {
			continue
		}
		if !u.Mutable() {
			immutable = append(immutable, u)
		}
		dirs, own, err := builddir.DiskUnit{Dir: bd, Unit: u}.All()
		if err != nil {
			return nil, nil, err
		}
		files = append(append(files, dirs...), own...)
	}
	bd.Units = slices.DeleteFunc(bd.Units, func(u *builddir.Unit) bool { return dead[u] })
	for _, u := range bd.Units {
		u.Dependents = slices.DeleteFunc(u.Dependents, func(a *builddir.Unit) bool { return dead[a] })
	}
	sessions, err := builddir.OldSessions(bd.Path, bd.Profiles)
	return append(files, sessions...), immutable, err
}
