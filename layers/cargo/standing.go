package cargo

import (
	"context"
	"slices"
)

// A Standing is what lies in a build directory, as far as the next build there
// is spared something by it.
type Standing struct {
	// Fresh are the units that Cargo would leave alone, by the checks that
	// Explain makes; documentation is not counted.
	Fresh []Entry
	// Since: something was built after the manifest given to Stand was written.
	Since bool
	// Buried: a mutable unit is fresh that the manifest passes over, since no
	// build could ask for it when that was written.
	Buried bool
}

// Stand looks at a place's build directory. m is the manifest that was written
// there last, at the kernel's time sealed, nil for none; restored is the time that
// the last restore gave, 0 for none, both in ns; recall is what the last
// inspection left. It reads only.
func Stand(ctx context.Context, p *Place, m *Manifest, sealed, restored int64, recall []byte) (*Standing, error) {
	s, err := scan(p.Workspace.BuildDir, p.Workspace.CargoHome, recall)
	if err != nil {
		return nil, err
	}
	known := map[string]*Unit{}
	if m != nil {
		for i := range m.Units {
			known[m.Units[i].key()] = &m.Units[i]
		}
	}
	for _, u := range s.units {
		s.times(u) // those that are recalled have no outputs else
	}
	e := newExplainer(ctx, p, s, nil)
	st := &Standing{}
	for _, u := range s.units {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if u.broken != nil || u.doc {
			continue
		}
		k := known[u.key]
		buried := false
		if !isKnownBuild(s, u, k, restored) {
			buried = k == nil && u.depTime < sealed
			st.Since = st.Since || !buried
		}
		if e.judge(u) != nil {
			continue
		}
		st.Buried = st.Buried || buried && u.mutable()
		entry := Entry{Key: u.key, Source: u.source, From: u.from, Cost: u.cost, UnitName: u.UnitName}
		if k != nil {
			entry.Cost = max(entry.Cost, k.Cost) // a restore takes it out of the times
		}
		st.Fresh = append(st.Fresh, entry)
	}
	return st, nil
}

// knownBuild reports whether u is the build that k, what the manifest says of it,
// or the recall tells of.
func isKnownBuild(s *scanned, u *built, k *Unit, restored int64) bool {
	switch {
	case u.recalled:
		return true
	case k != nil:
		return u.depTime == k.Built || restored != 0 && u.depTime == restored && k.Always == nil
	}
	// A copy made file by file has other inodes.
	r := s.recall[u.record]
	return r != nil && r.file == u.file && r.stamped.mtime == u.stamped.mtime
}

// Fresh lists the units of the plan's layer that stay as they are in the place;
// recall is what lies in the layer beside the manifest. Documentation never does.
func (p *Plan) Fresh(recall []byte) []Entry {
	dirty := map[string]bool{}
	for i, d := range p.dirty() {
		u := &p.manifest.Units[i]
		dirty[u.key()] = d || u.Doc
	}
	return slices.DeleteFunc(Entries(p.manifest, recall), func(e Entry) bool { return dirty[e.Key] })
}

// Differing returns the keys of the units against which the place itself speaks:
// something they were built from is not the same there. Units that would be
// rebuilt anywhere, or only since others are, are not among them.
func (p *Plan) Differing() []string {
	var keys []string
	for i, r := range p.reasons {
		if u := &p.manifest.Units[i]; r != nil && u.Always == nil {
			keys = append(keys, u.key())
		}
	}
	return keys
}
