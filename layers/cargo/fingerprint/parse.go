package fingerprint

import (
	"bytes"
	"encoding/json"
	"fmt"
)

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
