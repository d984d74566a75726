// Package record keeps a record beside each layer: what people ask about a layer and what
// choices among layers go by, and what it was marked with later: a label, a pin. But for
// those marks a record says nothing that the layer does not say itself, and a lost one is
// made again.
//
// Any number of processes may read and write the records of a store at once; a reader
// finds a whole record, or none.
package record

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/removal"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Record is the entry of a layer. Its JSON is part of what commands print.
type Record struct {
	ID          string    `json:"layer"`
	Created     time.Time `json:"sealed"`
	Label       string    `json:"label,omitempty"`
	Pinned      bool      `json:"pinned,omitempty"`
	Automatic   bool      `json:"automatic,omitempty"` // nobody has asked for it
	Parent      string    `json:"parent,omitempty"`
	Fingerprint string    `json:"fingerprint"`
	Origin      string    `json:"origin"` // workspace root it was built in
	Commit      string    `json:"commit,omitempty"`
	Ref         string    `json:"ref,omitempty"`
	Dirty       bool      `json:"dirty,omitempty"`
	Rustc       string    `json:"rustc"`
	Layout      string    `json:"layout"`
	Profiles    []string  `json:"profiles"`
	Units       int       `json:"units"`
	DirtyUnits  int       `json:"dirty_units"` // units that are rebuilt in any checkout
}

// New makes the record of a layer from its manifest.
func New(id string, m *manifest.Manifest, created time.Time) Record {
	r := Record{
		ID: id, Created: created, Label: m.Label, Parent: m.Parent, Fingerprint: m.Fingerprint.ID,
		Origin: m.Origins[0].Root(), Commit: m.Git.Commit, Ref: m.Git.Ref, Dirty: m.Dirty,
		Rustc: m.Fingerprint.Get("rustc"), Layout: m.Layout, Profiles: m.Profiles,
		Units: m.Immutable + len(m.Units),
	}
	for i := range m.Units {
		if m.Units[i].Always != nil {
			r.DirtyUnits++
		}
	}
	return r
}

// ProfilesOf lists the profile directories that layers have, each once.
func ProfilesOf(list []Record) (profiles []string) {
	for _, r := range list {
		for _, profile := range r.Profiles {
			if !slices.Contains(profiles, profile) {
				profiles = append(profiles, profile)
			}
		}
	}
	return profiles
}

// IDs are the layers of a list.
func IDs(list []Record) []string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

// FarFrom says how far a layer is from a commit: 0 where it was built there, 1 where there was
// more than the commit, 2 where it is of another, or none is known.
func (r *Record) FarFrom(commit string) int {
	switch {
	case commit == "" || r.Commit != commit:
		return 2
	case r.Dirty:
		return 1
	}
	return 0
}

// Dir is where the records are in a store: ID.json.
const Dir = paths.StoreRecords

// Records are those of the layers of one store.
type Records struct{ store string }

// In returns the records of the store in a directory.
func In(store string) Records { return Records{store} }

// Path is where the record of a layer lies.
func (rs Records) Path(id string) string { return filepath.Join(rs.store, Dir, id+".json") }

// Read reads a record as it was sealed (see Remark).
func (rs Records) Read(id string) (*Record, error) {
	var r *Record
	b, err := regular.Read(rs.Path(id))
	if err == nil {
		r, err = parse(b, id)
	}
	if err != nil {
		return nil, fmt.Errorf("read record of %s: %w", id, err)
	}
	return r, nil
}

// parse reads the record of the layer id.
func parse(text []byte, id string) (*Record, error) {
	r := new(Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	if r.ID != id {
		return nil, fmt.Errorf("it is about layer %q", r.ID)
	}
	return r, nil
}

// Write writes a record. It does not wait for its name: the layer itself is durable, and a
// record that a power cut took is made again from it. One that is there is whole: on ext4
// it might else be zeros, which nobody would see without reading every record.
func (rs Records) Write(r Record) error {
	r.Pinned, r.Automatic = false, false // they are no part of what was sealed
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	if err := atomicfile.WriteWhole(rs.Path(r.ID), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	return nil
}

// Remove removes a record, if there is one.
func (rs Records) Remove(id string) error {
	return removal.File(rs.Path(id))
}
