package cargo

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Handoff returns what the compiler's wrapper has to know of the plan's checkout and
// of the origins of what lies in its build directory. gitRoot is the root of the git
// checkout, "" if there is none; plain names crates that are always compiled where they
// lie. Those into which macros or linkers have put the origin's path are added to them:
// compiled in a view of the origin, they would get that path again.
func (p *Plan) Handoff(gitRoot string, plain []string) *handoff.Handoff {
	ws := p.Checkout.Workspace
	here := &handoff.Handoff{Root: ws.Root, Checkout: gitRoot, InPlaceCrates: slices.Clone(plain)}
	if _, inside := paths.Under(ws.Root, gitRoot); !inside {
		here.Checkout = ws.Root
	}
	for _, n := range checkout.OriginOf(p.Checkout).Names {
		if n.Root == rooted.Build && string(n.Text) != ws.BuildDir {
			here.Build = append(here.Build, string(n.Text))
		}
	}
	here.Build = slices.Insert(here.Build, 0, filepath.Clean(ws.BuildDir))
	if p.Checkout.GitDir != p.Checkout.CommonDir {
		here.Git = handoff.Git{Dir: p.Checkout.GitDir, Common: p.Checkout.CommonDir}
	}
	for i := range p.Manifest.Units {
		u := &p.Manifest.Units[i]
		crate := strings.ReplaceAll(u.Target, "-", "_")
		embeds := slices.ContainsFunc(u.Elsewhere, func(r rule.Reason) bool { return r.Rule == rule.MacroOrigin || r.Rule == rule.LinkOrigin })
		if embeds && !slices.Contains(here.InPlaceCrates, crate) {
			here.InPlaceCrates = append(here.InPlaceCrates, crate)
		}
	}
	for i := range p.Manifest.Origins {
		o := &p.Manifest.Origins[i]
		origin := handoff.Origin{Root: o.WorkDir()}
		for _, n := range o.Names {
			if n.Root == rooted.Build {
				origin.Build = append(origin.Build, string(n.Text))
			}
		}
		if origin.Root != "" && origin.Root != here.Root && len(origin.Build) > 0 {
			here.Origins = append(here.Origins, origin)
		}
	}
	return here
}
