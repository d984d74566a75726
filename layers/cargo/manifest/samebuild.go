package manifest

import "slices"

// LeftOutSince lists what m leaves out and prev, which may be nil, did not.
func (m *Manifest) LeftOutSince(prev *Manifest) (left []string) {
	for _, p := range m.LeftOut {
		if prev == nil || !slices.Contains(prev.LeftOut, p) {
			left = append(left, string(p))
		}
	}
	return left
}

// SameBuild reports whether nothing was built between the inspections that m and prev
// are of: they list the same builds of the same units.
func (m *Manifest) SameBuild(prev *Manifest) bool {
	if len(m.Units) != len(prev.Units) || m.Immutable != prev.Immutable || m.Others != prev.Others || m.Fingerprint.ID != prev.Fingerprint.ID {
		return false
	}
	if !slices.EqualFunc(m.Nested, prev.Nested, func(a, b Nested) bool { return a.Path == b.Path && a.Manifest.SameBuild(b.Manifest) }) {
		return false
	}
	was := map[string]*Unit{}
	for i := range prev.Units {
		was[prev.Units[i].Key()] = &prev.Units[i]
	}
	for i := range m.Units {
		u := &m.Units[i]
		w := was[u.Key()]
		if w == nil || w.Built != u.Built || (w.Always == nil) != (u.Always == nil) {
			return false
		}
	}
	return true
}
