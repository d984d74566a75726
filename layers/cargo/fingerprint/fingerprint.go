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
	"errors"
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

// Reproducible tells that every byte that was parsed is understood, so that
// Hash can be what Cargo computes. It says nothing of a Fingerprint that was
// not made by Parse, and stays what it was when fields are changed.
func (f *Fingerprint) Reproducible() bool { return f.exact }
