package cargo

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Inspection is what Inspect works on.
type Inspection struct {
	Checkout *checkout.Checkout // whose build directory is read
	Settings rule.Settings
	// Previous is the manifest that lies in the build directory, nil if there is none:
	// what it says of units that were not built since is taken over.
	Previous *manifest.Manifest
	// Restored is the time the last restore gave to the units of Previous, in
	// ns; 0 when the directory was not restored.
	Restored int64
	// Cache is the text of the unit cache that lies beside Previous; see
	// builddir.Cache.
	Cache []byte
	// Sealed is the kernel's time when Previous was made, in ns.
	Sealed int64
	// Without are profiles that are not inspected: they could not be locked.
	Without []string
}

// Inspect reads the checkout's build directory. It must be called under Cargo's
// locks (builddir.Lock). Sources may change meanwhile: a unit is recorded as dirty if
// an input was changed after the compiler had started.
func Inspect(ctx context.Context, in Inspection) (*manifest.Manifest, error) {
	co := in.Checkout
	var (
		dirty   bool
		unknown error
		asking  sync.WaitGroup
	)
	if co.Dirty != nil {
		asking.Go(func() { dirty, unknown = co.Dirty() }) // a process, while there is other work
	}
	bd, err := builddir.Scan(co.Workspace.BuildDir, co.Workspace.CargoHome, in.Cache, in.Without...)
	asking.Wait()
	if err != nil {
		return nil, err
	}
	if unknown != nil {
		return nil, unknown
	}
	return newInspector(ctx, in, bd, inputs.NewTreeReader(co, inputs.NewDigester(), in.Settings), dirty).build()
}

// inspector makes the manifest of one build directory.
type inspector struct {
	ctx      context.Context
	in       Inspection
	dir      *builddir.Dir
	previous *previous
	draft    *draft
	units    *describedUnits
}

// newInspector returns an inspector of bd. A build directory inside another may use the
// trees of that one: they hold nothing that lies in a build directory.
func newInspector(ctx context.Context, in Inspection, bd *builddir.Dir, trees *inputs.TreeReader, dirty bool) *inspector {
	co := in.Checkout
	from := checkout.NewAttribution(co, bd.Path)
	from.Origins[0].Clean = !dirty
	d := newDraft(co, in.Settings.Rules, from, trees, &manifest.Manifest{Format: manifest.Format, Layout: bd.Layout, Profiles: bd.Profiles, Git: co.Git, Dirty: dirty})
	former := newPrevious(in.Previous, in.Sealed, in.Restored)
	units := &describedUnits{bd, former, d, newDescriber(bd, d, in.Settings.PureMacros), map[*builddir.Unit]*manifest.Unit{}}
	return &inspector{ctx, in, bd, former, d, units}
}

func (b *inspector) build() (*manifest.Manifest, error) {
	m, from := b.draft.manifest, b.draft.from
	strays := newStrays(b.dir, from)
	if b.draft.rules.On(rule.LeftOutside) {
		if err := strays.find(newMakerFinder(b.dir, from, b.draft.trees, b.previous)); err != nil {
			return nil, err
		}
	}
	files, dead, err := dropDead(b.dir, b.in.Checkout.Workspace.Lock)
	if err != nil {
		return nil, err
	}
	m.Dead = append(m.Dead, files...)
	b.prefetch()
	stamped := b.dir.WithDependents((*builddir.Unit).Mutable)
	chosen, err := b.choose(stamped, strays)
	if err != nil {
		return nil, err
	}
	index, err := b.list(chosen, stamped)
	if err != nil {
		return nil, err
	}
	strays.list(m, index)
	if err := b.nest(strays.beside.Nested); err != nil {
		return nil, err
	}
	unlisted := slices.DeleteFunc(slices.Clone(b.dir.Units), func(u *builddir.Unit) bool { _, ok := index[u]; return ok })
	m.Immutable, m.Others = len(unlisted), manifest.DigestUnits(unlisted)
	m.Origins = from.Origins
	m.Cache = b.dir.NewCache(append(unlisted, dead...))
	return m, nil
}

// choose returns the units that the manifest must list: those to be stamped, which are the
// mutable ones and their dependents; those that name this checkout, and their dependents;
// and the makers of strays.
func (b *inspector) choose(stamped map[*builddir.Unit]bool, strays *strays) ([]*builddir.Unit, error) {
	want := maps.Clone(stamped)
	var up func(u *builddir.Unit)
	up = func(u *builddir.Unit) {
		if want[u] {
			return
		}
		want[u] = true
		for _, a := range u.Dependents {
			up(a)
		}
	}
	makers, err := strays.describe(b.units.of)
	if err != nil {
		return nil, err
	}
	for _, u := range makers {
		unit, err := b.units.of(u)
		if err != nil {
			return nil, err
		}
		if unit.Always != nil || len(unit.Elsewhere) > 0 {
			up(u)
		}
		want[u] = true
	}
	for _, u := range b.dir.Units {
		if b.draft.linker(u) != nil {
			want[u] = true
		}
	}
	for _, u := range b.dir.Units {
		if want[u] || !b.mayName(u) {
			continue
		}
		unit, err := b.units.of(u)
		if err != nil {
			return nil, err
		}
		switch {
		case len(unit.Elsewhere) > 0 || unit.Rewatch, !u.Run && len(unit.Inputs)+len(unit.Trees) > 0:
			up(u)
		case unit.Named:
			want[u] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(b.dir.Units), func(u *builddir.Unit) bool { return !want[u] }), nil
}

// list writes the chosen units into the manifest, and returns the index of each.
func (b *inspector) list(chosen []*builddir.Unit, stamped map[*builddir.Unit]bool) (map[*builddir.Unit]int, error) {
	m := b.draft.manifest
	index := map[*builddir.Unit]int{}
	for i, u := range chosen {
		index[u] = i
	}
	for _, u := range chosen {
		if err := b.ctx.Err(); err != nil {
			return nil, err
		}
		unit, err := b.units.of(u)
		if err != nil {
			return nil, err
		}
		if stamped[u] {
			unit.Stamp = u.StampedFiles()
		}
		if unit.Always == nil && len(unit.Stamp) > 0 {
			unit.Always = b.linkFault(u)
		}
		for _, d := range u.Deps {
			if i, ok := index[d]; ok && !slices.Contains(unit.Deps, i) {
				unit.Deps = append(unit.Deps, i)
			}
		}
		if unit.Assembles {
			m.Dead = append(m.Dead, builddir.SessionsOf(b.dir.Path, u)...)
		}
		m.Units = append(m.Units, *unit)
	}
	return index, nil
}

// mayName reports whether a unit of an immutable package may name the checkout
// it was built in: the run of a script may print or write anything, a crate may
// embed an env! value.
func (b *inspector) mayName(u *builddir.Unit) bool {
	if b.previous.units[u.Key] != nil {
		return true
	}
	if b.previous.wasInspected(u) {
		return false
	}
	return u.Broken == nil && (u.Run || len(b.units.describer.originEnv(u)) > 0 || b.units.describer.links.MayLink(u))
}

// prefetch reads, several at a time, the files that units will ask for one by one.
func (b *inspector) prefetch() {
	var paths []string
	seen := map[string]bool{}
	for _, u := range b.dir.Units {
		if u.SourceList == nil || b.previous.of(u) != nil || !u.Mutable() {
			continue
		}
		for _, d := range u.SourceList.Deps {
			if path := b.draft.from.Resolve(d); !seen[path] {
				seen[path] = true
				paths = append(paths, path)
			}
		}
	}
	b.draft.trees.Digests.Prefetch(paths)
}

// linkFault is the part of Cargo's check that one common time would hide: a
// unit must not be older than what it was built from, nor built from something
// that is no longer there (cargo 1.95, fingerprint/mod.rs:check_filesystem).
func (b *inspector) linkFault(u *builddir.Unit) *rule.Reason {
	if !b.draft.rules.On(rule.OlderThanDep) {
		return nil
	}
	newest := u.NewestOutput(false)
	for _, d := range u.Deps {
		if d != nil {
			b.dir.LoadTimes(d)
		}
	}
	for i, d := range u.Deps {
		if d == nil {
			return rule.Because(rule.OlderThanDep, u.Needs[i].Name+" was rebuilt with other settings since")
		}
		if d.NewestOutput(u.NeedsMetadataOnly(d)) > newest {
			return rule.Because(rule.OlderThanDep, d.Package+" was rebuilt since")
		}
	}
	return nil
}

// nest describes the build directories inside this one by the same rules. Those
// that are not of this workspace are left out of the layer, and so are those inside
// them.
func (b *inspector) nest(nested []string) error {
	if !b.draft.rules.On(rule.NestedBuild) {
		return nil
	}
	out := b.draft.manifest
	for _, rel := range nested {
		var m *manifest.Manifest
		if b.in.Checkout.Workspace.Outer == "" {
			var err error
			if m, err = b.inspectNested(rel); err != nil {
				return err
			}
		}
		if m == nil {
			out.Dead = append(out.Dead, rel)
			out.LeftOut = append(out.LeftOut, paths.Path(rel))
			continue
		}
		for _, left := range m.LeftOut {
			out.LeftOut = append(out.LeftOut, paths.Path(rel)+"/"+left)
		}
		m.LeftOut = nil
		for _, dead := range m.Dead {
			out.Dead = append(out.Dead, rel+"/"+dead)
		}
		out.Nested = append(out.Nested, manifest.Nested{Path: paths.Path(rel), Manifest: m})
	}
	return nil
}

// inspectNested describes a build directory inside this one. It returns nil for one that
// is not understood, or not of this workspace: names of sources mean something else
// there.
func (b *inspector) inspectNested(rel string) (*manifest.Manifest, error) {
	in := b.in
	in.Checkout, in.Previous = b.in.Checkout.Within(rel), b.previous.nested(rel)
	in.Cache, _ = regular.Read(filepath.Join(in.Checkout.Workspace.BuildDir, manifest.NestedCacheFile))
	if slices.ContainsFunc(b.in.Without, func(p string) bool { return strings.HasPrefix(p, rel+"/") }) {
		return nil, nil // it could not be locked
	}
	bd, err := builddir.Scan(in.Checkout.Workspace.BuildDir, in.Checkout.Workspace.CargoHome, in.Cache)
	if err != nil {
		return nil, nil //nolint:nilerr // it is left out
	}
	m, err := newInspector(b.ctx, in, bd, b.draft.trees, b.draft.manifest.Dirty).build()
	if err := b.ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil || !m.AllKnown() {
		return nil, nil
	}
	return m, nil
}
