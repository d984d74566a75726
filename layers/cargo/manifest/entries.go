package manifest

import (
	"path"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// Entry is one unit that a layer holds, with what decides whether it can be taken from
// there.
type Entry struct {
	Key    string   // directory of its fingerprint files and name of its hash file, relative to the build directory
	Hash   uint64   // Cargo's own hash of it; 0 where it is not recorded
	Source string   // builddir.SourceRegistry, ...
	From   string   // directory of its package below CARGO_HOME; "" unless immutable
	Cost   int64    // ms of wall-clock time that building it took
	Needs  []uint64 // hashes of what it was built from
	// Portable: it comes from an immutable source and names no checkout, or names one
	// in a way that was shown not to matter.
	Portable bool
	// Check: cargo check made it; there is metadata only.
	Check bool
	builddir.UnitName
}

// Entries lists the units of a layer, sorted by key, by its manifest and its unit cache.
// Both are advice here: whoever takes a unit looks at its files.
func Entries(m *Manifest, unitCache []byte) []Entry {
	known, _ := builddir.DecodeCache(unitCache)
	var list []Entry
	for i := range m.Units {
		u := &m.Units[i]
		delete(known, string(u.Record))
		list = append(list, Entry{Key: u.Key(), Source: u.Source, Cost: u.Cost, Portable: m.IsPortable(u), UnitName: u.UnitName})
	}
	for _, u := range known {
		e := Entry{
			Key: u.Dir.Record + "/" + u.File, Hash: u.Hash, Source: u.Source, From: u.From, Cost: u.Cost, Portable: true,
			UnitName: builddir.NameOf(builddir.ParseRecordDir(u.Dir.Record), u.File),
		}
		e.Kind = u.Kind
		e.Check = u.CheckedOnly()
		for _, n := range u.Needs {
			e.Needs = append(e.Needs, n.Hash)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return list
}

// LockedKeys returns the keys of those entries whose package is in the lockfile that f
// was computed from, or whose package is not known.
func LockedKeys(f *depset.Fingerprint, entries []Entry) map[string]bool {
	k := f.Locked()
	keys := map[string]bool{}
	for _, e := range entries {
		if e.From == "" || k.Have(e.From) {
			keys[e.Key] = true
		}
	}
	return keys
}

// PackageOf returns the name of the package that the unit with this key belongs to.
func PackageOf(key string) string { return builddir.ParseRecordDir(path.Dir(key)).Package }

// Listed is a unit that a manifest lists, as commands print it.
type Listed struct {
	builddir.UnitName
	Source string       `json:"source"` // path, vendored, registry, git, unknown
	Dirty  *rule.Reason `json:"dirty,omitempty"`
}

// List lists the units.
func (m *Manifest) List() (list []Listed) {
	for i := range m.Units {
		u := &m.Units[i]
		list = append(list, Listed{u.UnitName, u.Source, u.Always})
	}
	return list
}
