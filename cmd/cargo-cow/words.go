package main

import (
	"fmt"
	"time"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
)

// short abbreviates a layer id as all output does.
func short(id string) string { return id[:min(8, len(id))] }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// ago tells a time in the past in the largest unit that fits.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return ""
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return count(int(d/(24*time.Hour)), "day") + " ago"
}

// built tells what a layer was built from: "main @ 1a2b3c4+", "1a2b3c4", "".
// The plus marks changes that were not committed.
func built(r *layers.Record) string {
	if r.Commit == "" {
		return ""
	}
	text := r.Commit[:min(7, len(r.Commit))]
	if r.Dirty {
		text += "+"
	}
	if name := branch(r.Ref); name != "" {
		text = name + " @ " + text
	}
	return text
}

func branch(ref string) string {
	const heads = "refs/heads/"
	if len(ref) > len(heads) && ref[:len(heads)] == heads {
		return ref[len(heads):]
	}
	return ref
}

// from tells where a layer came from: "main @ 1a2b3c4, /src/a".
func from(r *layers.Record) string {
	if b := built(r); b != "" {
		return b + ", " + r.Origin
	}
	return r.Origin
}

// unitLine is how a unit is called in one line of text.
func unitLine(u cargo.UnitName) string {
	name := u.Package
	if u.Target != "" && u.Target != u.Package {
		name += " " + u.Target
	}
	return name + " (" + u.Kind + ", " + u.Profile + ")"
}

// because returns the rule of a verdict and what decided; for a unit that is
// rebuilt only since others are, the names of these.
func because(v *cargo.Verdict) (rule, detail string) {
	switch {
	case v.Fresh:
		return "", ""
	case v.Reason != nil:
		return string(v.Reason.Rule), v.Reason.Detail
	case len(v.Because) == 0:
		return string(cargo.RuleDependency), ""
	}
	detail = v.Because[0]
	if more := len(v.Because) - 1; more > 0 {
		detail += fmt.Sprintf(" and %d more", more)
	}
	return string(cargo.RuleDependency), detail
}

// unitJSON is the JSON line of a verdict.
type unitJSON struct {
	cargo.UnitName
	Verdict string   `json:"verdict"`
	Rule    string   `json:"rule,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Because []string `json:"because,omitempty"`
}

func (a *app) verdictJSON(v *cargo.Verdict) {
	line := unitJSON{UnitName: v.UnitName, Verdict: "dirty", Because: v.Because}
	if v.Fresh {
		line.Verdict = "fresh"
	}
	line.Rule, line.Detail = because(v)
	a.term.JSON("unit", line)
}

// reportUncopied tells, in one line, what could not be copied.
func (a *app) reportUncopied(left layers.Uncopied) {
	switch n := len(left.Paths); {
	case n == 1:
		a.term.Warn("not copied: %v", left.Why)
	case n > 1:
		a.term.Warn("not copied: %v, and %d more", left.Why, n-1)
	}
}

// reportForeign tells which directories are not in a layer since another user's
// build left them.
func (a *app) reportForeign(dirs []string) {
	for _, dir := range dirs {
		a.term.Warn("left out: %s belongs to another user (%s)", dir, foreign.Help(dir))
	}
}
