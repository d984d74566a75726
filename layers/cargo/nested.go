package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Nested is a build directory inside another: an editor's, or that of a tool
// which builds the workspace with flags of its own.
type Nested struct {
	Path     Path      `json:"path"`
	Manifest *Manifest `json:"manifest"` // of its units; without a fingerprint
}

// RecallFile is where the recall of a build directory inside another lies, relative
// to it: whoever seals writes it.
const RecallFile = paths.TreeUnits

// within is the place with a build directory that lies in its own.
func (p *Place) within(rel string) *Place {
	q, ws := *p, *p.Workspace
	ws.Outer, ws.BuildDir = ws.BuildDir, ws.BuildDir+"/"+rel
	q.Workspace = &ws
	return &q
}

// understood reports whether all that was built is of the workspace.
func (m *Manifest) understood() bool {
	return !slices.ContainsFunc(m.Units, func(u Unit) bool { return u.Always != nil && u.Always.Rule == RuleUnknownUnit })
}

// DiffersInside reports whether the place speaks against a unit of a build
// directory inside the plan's; see Differing.
func (p *Plan) DiffersInside() bool {
	return slices.ContainsFunc(p.nests, func(n nestedPlan) bool { return len(n.plan.Differing()) > 0 })
}
