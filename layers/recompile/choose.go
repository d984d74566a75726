package recompile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
)

// ErrNoUnit says that nothing of that name was built.
var ErrNoUnit = errors.New("no unit of that name was built")

// Eligible divides the units that are meant by names, all if there are none, into those that can be compiled again and
// those that will be rebuilt anyway.
func Eligible(all []freshness.Verdict, names []string) (fresh []builddir.UnitName, dirty []*Verdict, err error) {
	for _, name := range names {
		if !slices.ContainsFunc(all, func(v freshness.Verdict) bool { return v.Package == name || v.Unit == name }) {
			return nil, nil, &help.Error{Err: fmt.Errorf("verify %s: %w", name, ErrNoUnit), Help: "`cargo cow explain --all` lists what was built"}
		}
	}
	for i := range all {
		v := &all[i]
		switch {
		case len(names) > 0 && !slices.Contains(names, v.Package) && !slices.Contains(names, v.Unit), v.Kind == builddir.KindDoc:
		case v.Fresh:
			fresh = append(fresh, v.UnitName)
		default:
			why := "the next build rebuilds it: " + string(v.Reason.Rule)
			if v.Reason.Detail != "" {
				why += ", " + v.Reason.Detail
			}
			dirty = append(dirty, &Verdict{UnitName: v.UnitName, Result: Unknown, Why: why})
		}
	}
	return fresh, dirty, nil
}

// Sample takes n units by chance: members' and others', half of each where there are enough. The same seed takes the
// same of the same units.
func Sample(all []builddir.UnitName, n int, seed uint64, ws *project.Workspace) []builddir.UnitName {
	var groups [2][]builddir.UnitName
	for _, u := range all {
		if slices.ContainsFunc(ws.Packages, func(p project.Package) bool { return p.Name == u.Package }) {
			groups[0] = append(groups[0], u)
		} else {
			groups[1] = append(groups[1], u)
		}
	}
	chance := rand.New(rand.NewPCG(seed, 0))
	for _, g := range groups {
		chance.Shuffle(len(g), func(i, j int) { g[i], g[j] = g[j], g[i] })
	}
	members := min((n+1)/2, len(groups[0]))
	others := min(n-members, len(groups[1]))
	members = min(n-others, len(groups[0]))
	return append(groups[0][:members:members], groups[1][:others]...)
}
