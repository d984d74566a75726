package manifest

import (
	"encoding/binary"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// DigestUnits returns a digest of the keys and hashes of units.
func DigestUnits(units []*builddir.Unit) string {
	var b []byte
	for _, u := range units {
		b = binary.LittleEndian.AppendUint64(append(append(b, u.Key...), 0), u.Hash)
	}
	return digest.Of(b)
}

// RemoveDead removes what m lists as Dead from dir, a copy of the build directory that m
// describes, and returns the text of the copy's unit cache. unitCache is that of the
// original.
func (m *Manifest) RemoveDead(dir, cargoHome string, unitCache []byte) ([]byte, error) {
	for _, rel := range m.Dead {
		if !paths.IsLocal(rel) {
			continue
		}
		if err := builddir.Discard(filepath.Join(dir, rel)); err != nil {
			return nil, err
		}
	}
	_, text, err := m.unlisted(dir, cargoHome, unitCache)
	return text, err
}

// Extend makes m describe dir, a copy of the build directory that m described, to which
// units from immutable sources were added. It returns the text of the copy's unit cache;
// unitCache is that of the original.
func (m *Manifest) Extend(dir, cargoHome string, unitCache []byte) ([]byte, error) {
	units, text, err := m.unlisted(dir, cargoHome, unitCache)
	m.Immutable, m.Others = len(units), DigestUnits(units)
	return text, err
}

// unlisted returns the units of dir that m does not list, and the text of a unit cache
// with them.
func (m *Manifest) unlisted(dir, cargoHome string, unitCache []byte) ([]*builddir.Unit, []byte, error) {
	bd, err := builddir.Scan(dir, cargoHome, unitCache)
	if err != nil {
		return nil, nil, err
	}
	listed := map[string]bool{}
	for i := range m.Units {
		listed[m.Units[i].Key()] = true
	}
	units := slices.DeleteFunc(bd.Units, func(u *builddir.Unit) bool { return listed[u.Key] })
	return units, bd.WholeCache(units), nil
}
