package cargo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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

// nest describes the build directories inside this one by the same rules. Those
// that are not of this workspace are left out, and so are those inside them.
func (b *inspector) nest() error {
	if !b.in.Settings.Rules.On(RuleNestedBuild) || b.around == nil {
		return nil
	}
	for _, rel := range b.around.nested {
		var m *Manifest
		if b.in.Place.Workspace.Outer == "" {
			var err error
			if m, err = b.inspectNested(rel); err != nil {
				return err
			}
		}
		if m == nil {
			b.manifest.Dead = append(b.manifest.Dead, rel)
			b.manifest.Left = append(b.manifest.Left, Path(rel))
			continue
		}
		for _, left := range m.Left {
			b.manifest.Left = append(b.manifest.Left, Path(rel)+"/"+left)
		}
		m.Left = nil
		for _, dead := range m.Dead {
			b.manifest.Dead = append(b.manifest.Dead, rel+"/"+dead)
		}
		b.manifest.Nested = append(b.manifest.Nested, Nested{Path(rel), m})
	}
	return nil
}

// inspectNested returns nil for a build directory that is not understood, or not
// of this workspace: names of sources mean something else there.
func (b *inspector) inspectNested(rel string) (*Manifest, error) {
	in := b.in
	in.Place, in.Previous = b.in.Place.within(rel), nil
	in.Recall, _ = os.ReadFile(filepath.Join(in.Place.Workspace.BuildDir, RecallFile))
	if b.in.Previous != nil {
		for i := range b.in.Previous.Nested {
			if n := &b.in.Previous.Nested[i]; string(n.Path) == rel {
				in.Previous = n.Manifest
			}
		}
	}
	if slices.ContainsFunc(b.in.Without, func(p string) bool { return strings.HasPrefix(p, rel+"/") }) {
		return nil, nil // it could not be locked
	}
	s, err := scan(in.Place.Workspace.BuildDir, in.Place.Workspace.CargoHome, in.Recall)
	if err != nil {
		return nil, nil //nolint:nilerr // it is left out
	}
	inside := newInspector(b.ctx, in, s, b.digests, b.manifest.Dirty)
	inside.trees = b.trees // nothing in a build directory is in them
	m, err := inside.build()
	if err := b.ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil || !m.understood() {
		return nil, nil
	}
	return m, nil
}

// understood reports whether all that was built is of the workspace.
func (m *Manifest) understood() bool {
	return !slices.ContainsFunc(m.Units, func(u Unit) bool { return u.Always != nil && u.Always.Rule == RuleUnknownUnit })
}

// nestedPlan is the plan for a build directory inside another.
type nestedPlan struct {
	path string
	plan *Plan
}

func (v *verifier) nested(ctx context.Context) error {
	for i := range v.plan.manifest.Nested {
		n := &v.plan.manifest.Nested[i]
		n.Manifest.Fingerprint = v.plan.manifest.Fingerprint
		r := *v.reader
		r.place = v.reader.place.within(string(n.Path))
		plan, err := Verify(ctx, n.Manifest, &r, v.strict)
		if err != nil {
			return err
		}
		v.plan.nests = append(v.plan.nests, nestedPlan{string(n.Path), plan})
	}
	return nil
}

// nested makes the build directories inside the copy true for the place.
func (a *applier) nested(ctx context.Context, t0 time.Time) (retagged int, err error) {
	for _, n := range a.plan.nests {
		dir := filepath.Join(a.dir, n.path)
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		more, err := n.plan.Apply(ctx, dir, t0)
		if err != nil {
			return 0, fmt.Errorf("correct %s: %w", n.path, err)
		}
		retagged += more
	}
	return retagged, nil
}

// DiffersInside reports whether the place speaks against a unit of a build
// directory inside the plan's; see Differing.
func (p *Plan) DiffersInside() bool {
	return slices.ContainsFunc(p.nests, func(n nestedPlan) bool { return len(n.plan.Differing()) > 0 })
}
