// Package fingerprint reads, writes and hashes the unit fingerprints that Cargo
// keeps as JSON beside each hash file.
//
// Cargo rebuilds a unit whose hash file differs from the hash of the
// fingerprint it has just computed. Being able to compute that hash lets a unit
// be retagged: a part that differs but is known to be harmless is replaced, and
// the hash written anew. That is sound only while this package computes what
// Cargo computes, so nothing may be retagged unless its present hash
// reproduces: Reproducible is true and Hash equals the content of the hash
// file.
//
// The functions keep no state and may be called concurrently. A Fingerprint
// belongs to its caller and has no locks.
package fingerprint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrFormat is wrapped by errors about bytes that are not a fingerprint.
var ErrFormat = errors.New("malformed fingerprint")

// Fingerprint is Cargo's record of what decides one unit (cargo 1.95,
// compiler/fingerprint/mod.rs: Fingerprint). The numbers are hashes.
type Fingerprint struct {
	Rustc            uint64
	Features         string
	DeclaredFeatures string
	Target           uint64
	Profile          uint64
	Path             uint64
	Deps             []Dep
	Local            []Local
	Rustflags        []string
	Config           uint64
	CompileKind      uint64

	// exact: Encode gave back the bytes that were parsed.
	exact bool
}

// Dep is an edge to another unit. Hash is the content of that unit's hash file
// at the time.
type Dep struct {
	PkgID  uint64
	Name   string
	Public bool
	Hash   uint64
}

// LocalKind is the variant of a Local.
type LocalKind uint8

// The variants in Cargo's order, which the hash depends on.
const (
	Precalculated LocalKind = iota
	CheckDepInfo
	RerunIfChanged
	RerunIfEnvChanged
	// Unknown is a variant this package has never heard of.
	Unknown LocalKind = 0xff
)

// The words of a CheckDepInfo (cargo 1.100, compiler/fingerprint/mod.rs).
const (
	wordTimes   = "mtime"
	wordContent = "content"
)

// Local is what decides the unit in its own package; which fields mean
// something depends on Kind.
type Local struct {
	Kind LocalKind

	// Text of a Precalculated: the newest file of a path package, or a version.
	Text string

	// DepInfo is the path of a CheckDepInfo's dep-* file below the build
	// directory, and Checksum tells that it holds checksums.
	DepInfo  string
	Checksum bool
	// Worded: Cargo writes which of the two it is as a word (since 1.100), not as a
	// flag. The hash is the same for both.
	Worded bool

	// Output is the path of a RerunIfChanged's script output below the build
	// directory; Paths are below the package root, or absolute.
	Output string
	Paths  []string

	// Var of a RerunIfEnvChanged had the value Val if ValSet, else none.
	Var    string
	Val    string
	ValSet bool
}

// Parse reads the JSON form. Fields and variants of other versions of Cargo are
// no error, but then the result is not Reproducible.
func Parse(data []byte) (*Fingerprint, error) {
	var raw struct {
		Rustc            *uint64    `json:"rustc"`
		Features         *string    `json:"features"`
		DeclaredFeatures *string    `json:"declared_features"`
		Target           *uint64    `json:"target"`
		Profile          *uint64    `json:"profile"`
		Path             *uint64    `json:"path"`
		Deps             []rawDep   `json:"deps"`
		Local            []rawLocal `json:"local"`
		Rustflags        []string   `json:"rustflags"`
		Config           *uint64    `json:"config"`
		CompileKind      *uint64    `json:"compile_kind"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("parse fingerprint: %w: %w", ErrFormat, err)
	}
	f := &Fingerprint{
		Rustc:            deref(raw.Rustc),
		Features:         deref(raw.Features),
		DeclaredFeatures: deref(raw.DeclaredFeatures),
		Target:           deref(raw.Target),
		Profile:          deref(raw.Profile),
		Path:             deref(raw.Path),
		Rustflags:        raw.Rustflags,
		Config:           deref(raw.Config),
		CompileKind:      deref(raw.CompileKind),
	}
	for _, d := range raw.Deps {
		f.Deps = append(f.Deps, Dep(d))
	}
	for _, l := range raw.Local {
		f.Local = append(f.Local, Local(l))
	}
	// Whatever the structure above does not know, or JSON allows and Cargo does
	// not write, is missing from the encoding.
	f.exact = bytes.Equal(f.Encode(), data)
	return f, nil
}

// Reproducible tells that every byte that was parsed is understood, so that
// Hash can be what Cargo computes. It says nothing of a Fingerprint that was
// not made by Parse, and stays what it was when fields are changed.
func (f *Fingerprint) Reproducible() bool { return f.exact }

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

type rawDep Dep

// UnmarshalJSON reads [pkg_id, name, public, hash].
func (d *rawDep) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	if len(parts) != 4 {
		return fmt.Errorf("dependency has %d parts, not 4", len(parts))
	}
	for i, dst := range []any{&d.PkgID, &d.Name, &d.Public, &d.Hash} {
		if err := json.Unmarshal(parts[i], dst); err != nil {
			return err
		}
	}
	return nil
}

type rawLocal Local

// UnmarshalJSON reads {"Variant": content}. It takes any other form for an
// unknown variant.
func (l *rawLocal) UnmarshalJSON(data []byte) error {
	var v struct {
		Precalculated *string
		CheckDepInfo  *struct {
			DepInfo  string  `json:"dep_info"`
			Checksum bool    `json:"checksum"`
			Word     *string `json:"fingerprint"`
		}
		RerunIfChanged *struct {
			Output string   `json:"output"`
			Paths  []string `json:"paths"`
		}
		RerunIfEnvChanged *struct {
			Var string  `json:"var"`
			Val *string `json:"val"`
		}
	}
	if err := json.Unmarshal(data, &v); err != nil {
		*l = rawLocal{Kind: Unknown}
		return nil
	}
	switch {
	case v.Precalculated != nil:
		*l = rawLocal{Kind: Precalculated, Text: *v.Precalculated}
	case v.CheckDepInfo != nil:
		c := v.CheckDepInfo
		// Any other word is not given back by Encode, so not Reproducible.
		worded := c.Word != nil
		*l = rawLocal{Kind: CheckDepInfo, DepInfo: c.DepInfo, Checksum: c.Checksum || worded && *c.Word == wordContent, Worded: worded}
	case v.RerunIfChanged != nil:
		*l = rawLocal{Kind: RerunIfChanged, Output: v.RerunIfChanged.Output, Paths: v.RerunIfChanged.Paths}
	case v.RerunIfEnvChanged != nil:
		e := v.RerunIfEnvChanged
		*l = rawLocal{Kind: RerunIfEnvChanged, Var: e.Var, Val: deref(e.Val), ValSet: e.Val != nil}
	default:
		*l = rawLocal{Kind: Unknown}
	}
	return nil
}
