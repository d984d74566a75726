package cargo

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/incremental"
	"github.com/cargo-cow/cargo-cow/layers/cargo/lockfile"
)

// dropDead takes from s the units that no build with the lockfile can ask for: those of
// registry and git packages that are not in it, and all above them, since the hash of a
// unit covers what it depends on. It returns their files, those of old sessions among
// them, and the immutable units.
func dropDead(s *scanned, lock *lockfile.Lockfile) (left []string, immutable []*built, err error) {
	var dead map[*built]bool
	if lock != nil {
		locked := lockedSources(lock)
		dead = s.upwards(func(u *built) bool { return u.from != "" && !locked.have(u.from) })
	}
	for _, u := range s.units {
		if !dead[u] {
			continue
		}
		if !u.mutable() {
			immutable = append(immutable, u)
		}
		dirs, files, err := held{s, u}.all()
		if err != nil {
			return nil, nil, err
		}
		left = append(append(left, dirs...), files...)
	}
	s.units = slices.DeleteFunc(s.units, func(u *built) bool { return dead[u] })
	for _, u := range s.units {
		u.above = slices.DeleteFunc(u.above, func(a *built) bool { return dead[a] })
	}
	sessions, err := oldSessions(s.dir, s.profiles)
	return append(left, sessions...), immutable, err
}

// locked is what a lockfile has of registries and git, as directories below
// CARGO_HOME are called.
type locked struct {
	registry map[string]bool // name-version
	revs     []string        // commits
}

// lockedSources is what a lockfile has of registries and git.
func lockedSources(l *lockfile.Lockfile) locked {
	k := locked{registry: map[string]bool{}}
	for _, p := range l.Packages {
		if _, rev, ok := strings.Cut(p.Source, "#"); ok && strings.HasPrefix(p.Source, "git+") {
			k.revs = append(k.revs, rev)
		} else if p.Source != "" {
			k.registry[p.Name+"-"+p.Version] = true
		}
	}
	return k
}

// locked is what the lockfile has that f was computed from.
func (f *Fingerprint) locked() locked {
	k := locked{registry: map[string]bool{}}
	packages, _ := f.find(ingPackages)
	for _, line := range packages.Lines {
		p := parsePackage(line)
		if _, rev, ok := strings.Cut(p.source, "#"); ok && strings.HasPrefix(p.source, "git+") {
			k.revs = append(k.revs, rev)
		} else {
			k.registry[p.name+"-"+p.version] = true
		}
	}
	return k
}

// have reports whether the package in a directory below CARGO_HOME may be in the
// lockfile. A checkout of git is called after the first digits of its commit.
func (k locked) have(from string) bool {
	name := path.Base(from)
	if strings.HasPrefix(from, "git/") {
		return slices.ContainsFunc(k.revs, func(rev string) bool { return strings.HasPrefix(rev, name) })
	}
	return k.registry[name]
}

// oldSessions lists the sessions of incremental compilation that rustc would not
// start from: all but the newest finished one of each crate, with their locks.
func oldSessions(dir string, profiles []string) (old []string, err error) {
	for _, profile := range profiles {
		incremental := profile + "/incremental"
		var crates []string
		err := list(filepath.Join(dir, incremental), func(name []byte, k kind) {
			if k == isDir {
				crates = append(crates, incremental+"/"+string(name))
			}
		})
		if err != nil {
			return nil, err
		}
		for _, crate := range crates {
			more, err := oldSessionsOf(dir, crate)
			if err != nil {
				return nil, err
			}
			old = append(old, more...)
		}
	}
	return old, nil
}

func oldSessionsOf(dir, crate string) ([]string, error) {
	var sessions, locks, old []string
	err := list(filepath.Join(dir, crate), func(name []byte, k kind) {
		switch n := string(name); {
		case k == isDir && incremental.IsSession(n):
			sessions = append(sessions, n)
		case k == isFile && strings.HasSuffix(n, ".lock"):
			locks = append(locks, n)
		}
	})
	newest := incremental.Newest(sessions)
	if err != nil || len(sessions) == 0 || len(sessions) == 1 && newest != "" {
		return nil, err
	}
	for _, s := range sessions {
		if s != newest {
			old = append(old, crate+"/"+s)
		}
	}
	for _, l := range locks {
		if !incremental.IsLockOf(l, newest) {
			old = append(old, crate+"/"+l)
		}
	}
	return old, nil
}

// RemoveDead removes from dir, a copy of the build directory that m describes,
// what no build can use, and returns what the next inspection of it need not read.
func (m *Manifest) RemoveDead(dir, cargoHome string, recall []byte) ([]byte, error) {
	for _, rel := range m.Dead {
		if !isLocal(rel) {
			continue
		}
		if err := discard(filepath.Join(dir, rel)); err != nil {
			return nil, err
		}
	}
	_, text, err := m.unlisted(dir, cargoHome, recall)
	return text, err
}

// Extend makes m describe dir, a copy of the build directory it described to which
// units from immutable sources were added, and returns what the next inspection of
// it need not read.
func (m *Manifest) Extend(dir, cargoHome string, recall []byte) ([]byte, error) {
	units, text, err := m.unlisted(dir, cargoHome, recall)
	m.Immutable, m.Others = len(units), digestUnits(units)
	return text, err
}

// unlisted reads the units of dir that m does not list.
func (m *Manifest) unlisted(dir, cargoHome string, recall []byte) ([]*built, []byte, error) {
	s, err := scan(dir, cargoHome, recall)
	if err != nil {
		return nil, nil, err
	}
	listed := map[string]bool{}
	for i := range m.Units {
		listed[m.Units[i].key()] = true
	}
	units := slices.DeleteFunc(s.units, func(u *built) bool { return listed[u.key] })
	s.lines = 0 // all of it anew
	return units, s.newRecall(units).Text, nil
}
