package cargo

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// SessionPlace is what the compiler's wrapper has to know of the plan's place and
// of the origins of what lies in its build directory. checkout is the root of the
// git checkout, "" where there is none; plain names crates that are always
// compiled where they lie. So are those into which macros or linkers were found to
// have put the origin's path: they would put it there again.
func (p *Plan) SessionPlace(checkout string, plain []string) *handoff.Handoff {
	ws := p.place.Workspace
	here := &handoff.Handoff{Root: ws.Root, Checkout: checkout, Plain: slices.Clone(plain)}
	if _, inside := paths.Under(ws.Root, checkout); !inside {
		here.Checkout = ws.Root
	}
	for _, n := range newOrigin(p.place).Names {
		if n.Base == BaseBuild && string(n.Text) != ws.BuildDir {
			here.Build = append(here.Build, string(n.Text))
		}
	}
	here.Build = slices.Insert(here.Build, 0, filepath.Clean(ws.BuildDir))
	if p.place.GitDir != p.place.CommonDir {
		here.Git = handoff.Git{Dir: p.place.GitDir, Common: p.place.CommonDir}
	}
	for i := range p.manifest.Units {
		u := &p.manifest.Units[i]
		crate := strings.ReplaceAll(u.Target, "-", "_")
		embeds := slices.ContainsFunc(u.Elsewhere, func(r Reason) bool { return r.Rule == RuleMacroOrigin || r.Rule == RuleLinkOrigin })
		if embeds && !slices.Contains(here.Plain, crate) {
			here.Plain = append(here.Plain, crate)
		}
	}
	for i := range p.manifest.Origins {
		o := &p.manifest.Origins[i]
		origin := handoff.Origin{Root: o.workDir()}
		for _, n := range o.Names {
			if n.Base == BaseBuild {
				origin.Build = append(origin.Build, string(n.Text))
			}
		}
		if origin.Root != "" && origin.Root != here.Root && len(origin.Build) > 0 {
			here.Origins = append(here.Origins, origin)
		}
	}
	return here
}

// workDir is the workspace root as the kernel calls it, which is what cargo runs
// rustc in. Where the origin is gone, it is the first name known.
func (o *Origin) workDir() string {
	first := ""
	for _, n := range o.Names {
		if n.Base != BaseRoot {
			continue
		}
		if real, err := filepath.EvalSymlinks(string(n.Text)); err == nil && real == string(n.Text) {
			return real
		}
		if first == "" {
			first = string(n.Text)
		}
	}
	return first
}
