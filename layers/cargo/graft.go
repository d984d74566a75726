package cargo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Stock is the units of a sealed layer that a graft may take: those from
// immutable sources that name no checkout, or only harmlessly, and stand above
// none that is mutable. What the manifest and the recall say decides which; what
// they are built from is read from the layer itself.
type Stock struct {
	scanned  *scanned
	byKey    map[string]*built
	portable map[*built]bool
}

// OpenStock reads the units of the layer that lies in tree. With strict, none that
// names a checkout at all may be taken.
func OpenStock(tree, cargoHome string, m *Manifest, recall []byte, strict bool) (*Stock, error) {
	s, err := scan(tree, cargoHome, recall)
	if err != nil {
		return nil, fmt.Errorf("read units of layer: %w", err)
	}
	listed := map[string]*Unit{}
	for i := range m.Units {
		listed[m.Units[i].key()] = &m.Units[i]
	}
	st := &Stock{scanned: s, byKey: map[string]*built{}, portable: map[*built]bool{}}
	for _, u := range s.units {
		st.byKey[u.key] = u
		if l := listed[u.key]; l != nil {
			st.portable[u] = !strict && u.broken == nil && !u.mutable() && m.harmless(l)
		} else {
			st.portable[u] = u.recalled || u.recallable()
		}
	}
	return st, nil
}

// harmless reports whether a listed unit is as good in any checkout: it is listed
// only because it names its origin in a way that was shown not to matter.
func (m *Manifest) harmless(u *Unit) bool {
	return !u.Mutable && u.Always == nil && len(u.Elsewhere) == 0 && !u.Rewatch && !u.Newest && !u.Commit && !u.Doc &&
		u.Root == nil && u.Linker == nil &&
		len(u.Moved)+len(u.Inputs)+len(u.Trees)+len(u.Facts) == 0 &&
		!slices.ContainsFunc(u.Deps, func(d int) bool { return !m.harmless(&m.Units[d]) })
}

// GraftsTo reports whether units built under f serve a checkout with the
// fingerprint g where their keys coincide: what Cargo does not look at is equal,
// and so is the path of the sources.
func (f *Fingerprint) GraftsTo(g *Fingerprint) bool {
	// A wrapper of the members' compiler does not see what is grafted.
	return f.differsUnseen(g, ingWrapper) == "" && f.Get("cargo-home") == g.Get("cargo-home")
}

// A Graft collects units for one build directory and puts them there. The
// directory must not be in use, and no stock may change meanwhile; a Graft is for
// one goroutine.
type Graft struct {
	receiver *scanned
	have     map[string]held // by key: what is there, and what was taken
	taken    []held
	same     map[[2]*built]bool
}

// held is a unit and the directory it lies in.
type held struct {
	dir  *scanned
	unit *built
}

// NewGraft reads the units of the build directory dir; recall is what the
// inspection of what it is a clone of has left.
func NewGraft(dir, cargoHome string, recall []byte) (*Graft, error) {
	s, err := scan(dir, cargoHome, recall)
	if err != nil {
		return nil, fmt.Errorf("read units to graft to: %w", err)
	}
	g := &Graft{receiver: s, have: map[string]held{}, same: map[[2]*built]bool{}}
	for _, u := range s.units {
		if u.broken == nil {
			g.have[u.key] = held{s, u}
		}
	}
	return g, nil
}

// Has reports whether a unit is there, or was taken.
func (g *Graft) Has(key string) bool { return g.have[key].unit != nil }

// Taken lists what was taken, in the order of dependency.
func (g *Graft) Taken() []UnitName {
	var names []UnitName
	for _, h := range g.taken {
		names = append(names, h.unit.UnitName)
	}
	return names
}

// Take takes from a stock the units with these keys that the directory lacks, and
// all they depend on. rustc records of each dependency which build of it was
// used, and Cargo does not look at that (cargo's hash of a unit knows no
// content): so a unit is taken only if each of its dependencies comes from the
// same stock, or what is there already is byte for byte the same. Take returns
// how many it took.
func (g *Graft) Take(s *Stock, keys []string) int {
	before := len(g.taken)
	for _, k := range keys {
		if u := s.byKey[k]; u != nil {
			g.take(s, u, map[*built]bool{})
		}
	}
	return len(g.taken) - before
}

func (g *Graft) take(s *Stock, u *built, under map[*built]bool) bool {
	if have := g.have[u.key]; have.unit != nil {
		return have.dir == s.scanned || g.identical(have, held{s.scanned, u})
	}
	if !s.portable[u] || under[u] || g.occupied(u) {
		return false
	}
	under[u] = true
	for _, d := range u.deps {
		if d == nil || !g.take(s, d, under) {
			return false
		}
	}
	g.have[u.key] = held{s.scanned, u}
	g.taken = append(g.taken, g.have[u.key])
	return true
}

// occupied reports whether the directory holds something else under the unit's
// name: another unit in the same directory, or one that is broken.
func (g *Graft) occupied(u *built) bool {
	_, err := os.Lstat(filepath.Join(g.receiver.dir, u.record))
	return !errors.Is(err, fs.ErrNotExist)
}

// identical compares what dependents see of two builds of one unit: metadata,
// from which rustc takes the identity it records, of libraries; all of what runs
// at compile time; all that a script has printed and written.
func (g *Graft) identical(a, b held) bool {
	key := [2]*built{a.unit, b.unit}
	same, known := g.same[key]
	if !known {
		same = a.unit.hashKnown && a.unit.hash == b.unit.hash && identical(a, b)
		g.same[key] = same
	}
	return same
}

func identical(a, b held) bool {
	if a.unit.run {
		output, outDir, _ := a.unit.script()
		return sameFile(a.path(output), b.path(output)) && sameTree(a.path(outDir), b.path(outDir))
	}
	x, errX := a.seen()
	y, errY := b.seen()
	if errX != nil || errY != nil || len(x) == 0 || !slices.Equal(x, y) {
		return false
	}
	for _, p := range x {
		if !sameFile(a.path(p), b.path(p)) {
			return false
		}
	}
	return true
}

// path is where a file of the unit's directory lies.
func (h held) path(rel string) string { return filepath.Join(h.dir.dir, rel) }

// seen lists the outputs that decide what dependents become.
func (h held) seen() ([]string, error) {
	files, err := h.files()
	return slices.DeleteFunc(files, func(p string) bool {
		switch filepath.Ext(p) {
		case ".d", ".rlib", ".o", ".dwo", ".dwp":
			return true
		}
		return false
	}), err
}

// files lists what the unit wrote outside the directory of its fingerprint. The
// list is the caller's.
func (h held) files() ([]string, error) {
	u := h.unit
	outs, err := h.dir.outputsIn(u.profile)
	if err != nil {
		return nil, err
	}
	files, err := outs.of(u.unitDir, strings.ReplaceAll(u.Target, "-", "_"), u.Kind == kindScript)
	return slices.Clone(files), err
}

// all is everything that belongs to the unit: whole directories, and files
// elsewhere.
func (h held) all() (dirs, files []string, err error) {
	u := h.unit
	switch {
	case u.layout == LayoutUnits:
		return []string{filepath.Dir(u.record)}, nil, nil
	case u.run, u.Kind == kindScript:
		return []string{u.record, u.profile + "/build/" + u.name()}, nil, nil
	}
	files, err = h.files()
	return []string{u.record}, files, err
}

// sameFile compares two regular files byte by byte. What cannot be read is the same as
// nothing.
func sameFile(a, b string) bool {
	x, errX := os.Open(a)
	if errX != nil {
		return false
	}
	defer x.Close()
	y, errY := os.Open(b)
	if errY != nil {
		return false
	}
	defer y.Close()
	fx, errX := x.Stat()
	fy, errY := y.Stat()
	if errX != nil || errY != nil || fx.Size() != fy.Size() || !fx.Mode().IsRegular() || !fy.Mode().IsRegular() {
		return false
	}
	const piece = 256 << 10
	bx, by := make([]byte, piece), make([]byte, piece)
	for {
		nx, errX := io.ReadFull(x, bx)
		ny, errY := io.ReadFull(y, by)
		if nx != ny || !bytes.Equal(bx[:nx], by[:ny]) {
			return false
		}
		if errX != nil || errY != nil {
			return isEnd(errX) && isEnd(errY)
		}
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// sameTree compares names, kinds and contents. Links and the like are never the
// same: no script of a library needs them.
func sameTree(a, b string) bool {
	x, errX := os.ReadDir(a)
	y, errY := os.ReadDir(b)
	if errors.Is(errX, fs.ErrNotExist) && errors.Is(errY, fs.ErrNotExist) {
		return true
	}
	if errX != nil || errY != nil || len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i].Name() != y[i].Name() || x[i].Type() != y[i].Type() {
			return false
		}
		p, q := filepath.Join(a, x[i].Name()), filepath.Join(b, y[i].Name())
		if x[i].IsDir() && !sameTree(p, q) || !x[i].IsDir() && !sameFile(p, q) {
			return false
		}
	}
	return true
}
