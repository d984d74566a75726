// Package phrase says a value in the few words it has in a line of output: a layer, a
// unit, a verdict, a record of the warehouse, an amount. All commands say the same thing
// alike. Whole lines are package report's.
//
// Its functions depend on nothing but their arguments, and any number of goroutines
// may call them.
package phrase

import (
	"fmt"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// ID abbreviates the id of a layer, or another digest, as all output does.
func ID(id string) string { return id[:min(8, len(id))] }

// Commit tells what a layer was built from: "main @ 1a2b3c4+", "1a2b3c4", "".
// The plus marks changes that were not committed.
func Commit(r *layers.Record) string {
	if r.Commit == "" {
		return ""
	}
	text := r.Commit[:min(7, len(r.Commit))]
	if r.Dirty {
		text += "+"
	}
	if name := strings.TrimPrefix(r.Ref, "refs/heads/"); name != "" {
		text = name + " @ " + text
	}
	return text
}

// Label tells what a layer is called, and whether it is pinned.
func Label(r *layers.Record) string {
	if r.Pinned {
		return strings.TrimSpace(r.Label + " (pinned)")
	}
	return r.Label
}

// Origin tells where a layer came from: "main @ 1a2b3c4, /src/a".
func Origin(r *layers.Record) string {
	if commit := Commit(r); commit != "" {
		return commit + ", " + r.Origin
	}
	return r.Origin
}

// Unit names a unit in one line of text.
func Unit(u builddir.UnitName) string {
	name := u.Package
	if u.Target != "" && u.Target != u.Package {
		name += " " + u.Target
	}
	return name + " (" + u.Kind + ", " + u.Profile + ")"
}

// Reason returns the rule of a verdict and what decided; for a unit that is
// rebuilt only since others are, the names of these.
func Reason(v *freshness.Verdict) (name, detail string) {
	switch {
	case v.Fresh:
		return "", ""
	case v.Reason != nil:
		return string(v.Reason.Rule), v.Reason.Detail
	case len(v.Because) == 0:
		return string(rule.Dependency), ""
	}
	detail = v.Because[0]
	if more := len(v.Because) - 1; more > 0 {
		detail += fmt.Sprintf(" and %d more", more)
	}
	return string(rule.Dependency), detail
}
