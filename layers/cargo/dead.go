package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
)

// dropDead takes from s the units that no build with the lockfile can ask for: those of
// registry and git packages that are not in it, and all above them, since the hash of a
// unit covers what it depends on. It returns their files, those of old sessions among
// them, and the immutable units.
func dropDead(s *builddir.Dir, lock *lockfile.Lockfile) (left []string, immutable []*builddir.Unit, err error) {
	var dead map[*builddir.Unit]bool
	if lock != nil {
		locked := depset.LockedSources(lock)
		dead = s.WithDependents(func(u *builddir.Unit) bool { return u.From != "" && !locked.Have(u.From) })
	}
	for _, u := range s.Units {
		if !dead[u] {
			continue
		}
		if !u.Mutable() {
			immutable = append(immutable, u)
		}
		dirs, files, err := builddir.DiskUnit{Dir: s, Unit: u}.All()
		if err != nil {
			return nil, nil, err
		}
		left = append(append(left, dirs...), files...)
	}
	s.Units = slices.DeleteFunc(s.Units, func(u *builddir.Unit) bool { return dead[u] })
	for _, u := range s.Units {
		u.Dependents = slices.DeleteFunc(u.Dependents, func(a *builddir.Unit) bool { return dead[a] })
	}
	sessions, err := builddir.OldSessions(s.Path, s.Profiles)
	return append(left, sessions...), immutable, err
}
