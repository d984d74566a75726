// Package graft takes single units out of sealed layers and puts them into a build directory, so that
// all that Cargo and rustc compare fits together there. A Graft is for one goroutine; while it works,
// the build directory must not be in use, and no layer it takes from may change.
package graft

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
)

// Source is a sealed layer with the units that a graft may take from it: those from
// immutable sources that name no checkout, or only harmlessly, and depend on none that
// is mutable. Manifest and unit cache decide which these are; what they are built from
// is read from the layer itself.
type Source struct {
	dir      *builddir.Dir
	byKey    map[string]*builddir.Unit
	portable map[*builddir.Unit]bool
}

// OpenSource reads the units of the layer that lies in tree, with its manifest and unit
// cache. With strict, no unit that names a checkout at all may be taken.
func OpenSource(tree, cargoHome string, m *manifest.Manifest, unitCache []byte, strict bool) (*Source, error) {
	bd, err := builddir.Scan(tree, cargoHome, unitCache)
	if err != nil {
		return nil, fmt.Errorf("read units of layer: %w", err)
	}
	listed := map[string]*manifest.Unit{}
	for i := range m.Units {
		listed[m.Units[i].Key()] = &m.Units[i]
	}
	src := &Source{dir: bd, byKey: map[string]*builddir.Unit{}, portable: map[*builddir.Unit]bool{}}
	for _, u := range bd.Units {
		src.byKey[u.Key] = u
		if l := listed[u.Key]; l != nil {
			src.portable[u] = !strict && u.Broken == nil && !u.Mutable() && m.IsPortable(l)
		} else {
			src.portable[u] = u.Cached || u.Cacheable()
		}
	}
	return src, nil
}

// Graft collects units for one build directory and puts them there.
type Graft struct {
	receiver *builddir.Dir
	have     map[string]builddir.DiskUnit // by key: what is there, and what was taken
	taken    []builddir.DiskUnit
	same     map[[2]*builddir.Unit]bool
}

// New returns a Graft for the build directory dir, and reads the units there; unitCache is
// that of the directory it is a clone of.
func New(dir, cargoHome string, unitCache []byte) (*Graft, error) {
	bd, err := builddir.Scan(dir, cargoHome, unitCache)
	if err != nil {
		return nil, fmt.Errorf("read units to graft to: %w", err)
	}
	g := &Graft{receiver: bd, have: map[string]builddir.DiskUnit{}, same: map[[2]*builddir.Unit]bool{}}
	for _, u := range bd.Units {
		if u.Broken == nil {
			g.have[u.Key] = builddir.DiskUnit{Dir: bd, Unit: u}
		}
	}
	return g, nil
}

// Has reports whether a unit, by its key, is in the directory or was taken.
func (g *Graft) Has(key string) bool { return g.have[key].Unit != nil }

// Taken lists what was taken, each unit after those it depends on.
func (g *Graft) Taken() []builddir.UnitName {
	var names []builddir.UnitName
	for _, h := range g.taken {
		names = append(names, h.Unit.UnitName)
	}
	return names
}

// Take takes from a source the units with these keys that the directory lacks, and
// all they depend on. rustc records of each dependency which build of it was
// used, and Cargo does not look at that (its hash of a unit covers no content):
// so a unit is taken only if each of its dependencies comes from the same source, or
// equals byte for byte what is there already. Take returns how many it took.
func (g *Graft) Take(s *Source, keys []string) int {
	before := len(g.taken)
	for _, k := range keys {
		if u := s.byKey[k]; u != nil {
			g.take(s, u, map[*builddir.Unit]bool{})
		}
	}
	return len(g.taken) - before
}

func (g *Graft) take(s *Source, u *builddir.Unit, under map[*builddir.Unit]bool) bool {
	if have := g.have[u.Key]; have.Unit != nil {
		return have.Dir == s.dir || g.identical(have, builddir.DiskUnit{Dir: s.dir, Unit: u})
	}
	if !s.portable[u] || under[u] || g.occupied(u) {
		return false
	}
	under[u] = true
	for _, d := range u.Deps {
		if d == nil || !g.take(s, d, under) {
			return false
		}
	}
	g.have[u.Key] = builddir.DiskUnit{Dir: s.dir, Unit: u}
	g.taken = append(g.taken, g.have[u.Key])
	return true
}

// occupied reports whether the directory holds something else under the unit's
// name: another unit in the same directory, or one that is broken.
func (g *Graft) occupied(u *builddir.Unit) bool {
	_, err := os.Lstat(filepath.Join(g.receiver.Path, u.Dir.Record))
	return !errors.Is(err, fs.ErrNotExist)
}

// identical compares what dependents see of two builds of one unit: metadata,
// from which rustc takes the identity it records, of libraries; all of what runs
// at compile time; all that a script has printed and written.
func (g *Graft) identical(a, b builddir.DiskUnit) bool {
	key := [2]*builddir.Unit{a.Unit, b.Unit}
	same, known := g.same[key]
	if !known {
		same = a.Unit.HashKnown && a.Unit.Hash == b.Unit.Hash && identical(a, b)
		g.same[key] = same
	}
	return same
}

func identical(a, b builddir.DiskUnit) bool {
	if a.Unit.Run {
		output, outDir, _ := a.Unit.Dir.ScriptFiles()
		return builddir.SameFile(a.Path(output), b.Path(output)) && builddir.SameTree(a.Path(outDir), b.Path(outDir))
	}
	x, errX := a.SeenByDependents()
	y, errY := b.SeenByDependents()
	if errX != nil || errY != nil || len(x) == 0 || !slices.Equal(x, y) {
		return false
	}
	for _, p := range x {
		if !builddir.SameFile(a.Path(p), b.Path(p)) {
			return false
		}
	}
	return true
}
