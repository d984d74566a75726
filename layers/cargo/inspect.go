package cargo

import (
	"context"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// Settings are a user's additions to what this package knows.
type Settings struct {
	PureMacros []MacroRange // more macros that read nothing
	Ignore     []string     // globs of files that are never inputs
	Inputs     []string     // globs of files outside a package that macros and scripts read
	// CompileInPlace names crates whose macros bake in the directory they run in:
	// the wrapper leaves them alone.
	CompileInPlace []string
	Rules          Rules
}

// Inspection is what Inspect works on.
type Inspection struct {
	Place    *Place
	Settings Settings
	// Previous is the manifest that lies in the build directory, if there is
	// one: units it knows and that were not built since keep what it says.
	Previous *Manifest
	// Restored is the time the last restore gave to the units of Previous, in
	// ns; 0 when the directory was not restored.
	Restored int64
	// Recall is what Previous's inspection left for this one; see Manifest.
	Recall []byte
	// Sealed is the kernel's time when Previous was made, in ns.
	Sealed int64
	// Without are profiles that are not looked at: they could not be locked.
	Without []string
}

// Inspect reads the place's build directory. It must be called under Cargo's
// locks (Lock); sources may change meanwhile: what was changed after the
// compiler started is recorded as dirty.
func Inspect(ctx context.Context, in Inspection) (*Manifest, error) {
	p := in.Place
	var (
		dirty   bool
		unknown error
		asking  sync.WaitGroup
	)
	if p.Dirty != nil {
		asking.Go(func() { dirty, unknown = p.Dirty() }) // a process, while there is other work
	}
	s, err := scan(p.Workspace.BuildDir, p.Workspace.CargoHome, in.Recall, in.Without...)
	asking.Wait()
	if err != nil {
		return nil, err
	}
	if unknown != nil {
		return nil, unknown
	}
	return newInspector(ctx, in, s, newTreeReader(p, newDigester(), in.Settings), dirty).build()
}

// inspector makes the manifest of one build directory. trees may be shared with those
// of the build directories around it: nothing in a build directory is in them.
func newInspector(ctx context.Context, in Inspection, s *scanned, trees *treeReader, dirty bool) *inspector {
	p := in.Place
	from := newAttribution(p, s.dir)
	from.origins[0].Clean = !dirty
	d := newDraft(p, in.Settings.Rules, from, trees, &Manifest{Format: ManifestFormat, Layout: s.layout, Profiles: s.profiles, Git: p.Git, Dirty: dirty})
	return &inspector{
		ctx: ctx, in: in, dir: s, previous: newPrevious(in.Previous, in.Sealed, in.Restored), draft: d,
		describer: newDescriber(s, d, in.Settings.PureMacros), described: map[*built]*Unit{},
	}
}

type inspector struct {
	ctx       context.Context
	in        Inspection
	dir       *scanned
	previous  *previous
	draft     *draft
	describer *describer
	described map[*built]*Unit // by unit, which may not be listed in the end
}

func (b *inspector) build() (*Manifest, error) {
	m := b.draft.manifest
	left := &leftovers{dir: b.dir, draft: b.draft, beside: &around{}}
	if b.draft.rules.On(RuleLeftOutside) {
		var err error
		if left, err = findStrays(b.dir, b.draft, b.previous); err != nil {
			return nil, err
		}
	}
	files, dead, err := dropDead(b.dir, b.in.Place.Workspace.Lock)
	if err != nil {
		return nil, err
	}
	m.Dead = append(m.Dead, files...)
	b.warm()
	stamped := b.dir.upwards((*built).mutable)
	listed, err := b.choose(stamped, left)
	if err != nil {
		return nil, err
	}
	index, err := b.list(listed, stamped)
	if err != nil {
		return nil, err
	}
	left.list(index)
	if err := b.nest(left.beside.nested); err != nil {
		return nil, err
	}
	unlisted := slices.DeleteFunc(slices.Clone(b.dir.units), func(u *built) bool { _, ok := index[u]; return ok })
	m.Immutable, m.Others = len(unlisted), digestUnits(unlisted)
	m.Origins = b.draft.from.origins
	m.Recall = b.dir.newRecall(append(unlisted, dead...))
	return m, nil
}

// digestUnits stands for units by their names and hashes.
func digestUnits(units []*built) string {
	var b []byte
	for _, u := range units {
		b = binary.LittleEndian.AppendUint64(append(append(b, u.key...), 0), u.hash)
	}
	return digest.Of(b)
}

// choose returns the units a manifest must know: those to be stamped, which are the
// mutable ones, those that name this checkout, and all above either.
func (b *inspector) choose(stamped map[*built]bool, left *leftovers) ([]*built, error) {
	want := maps.Clone(stamped)
	var up func(u *built)
	up = func(u *built) {
		if want[u] {
			return
		}
		want[u] = true
		for _, a := range u.above {
			up(a)
		}
	}
	makers, err := left.describe(b.unit)
	if err != nil {
		return nil, err
	}
	for _, u := range makers {
		if unit := b.described[u]; unit.Always != nil || len(unit.Elsewhere) > 0 {
			up(u)
		}
		want[u] = true
	}
	for _, u := range b.dir.units {
		if b.draft.linker(u) != nil {
			want[u] = true
		}
	}
	for _, u := range b.dir.units {
		if want[u] || !b.mayName(u) {
			continue
		}
		unit, err := b.unit(u)
		if err != nil {
			return nil, err
		}
		switch {
		case len(unit.Elsewhere) > 0 || unit.Rewatch, !u.run && len(unit.Inputs)+len(unit.Trees) > 0:
			up(u)
		case unit.Named:
			want[u] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(b.dir.units), func(u *built) bool { return !want[u] }), nil
}

// list writes the chosen units into the manifest, and returns where each stands.
func (b *inspector) list(chosen []*built, stamped map[*built]bool) (map[*built]int, error) {
	m := b.draft.manifest
	index := map[*built]int{}
	for i, u := range chosen {
		index[u] = i
	}
	for _, u := range chosen {
		if err := b.ctx.Err(); err != nil {
			return nil, err
		}
		unit, err := b.unit(u)
		if err != nil {
			return nil, err
		}
		if stamped[u] {
			unit.Stamp = u.stampedFiles()
		}
		if unit.Always == nil && len(unit.Stamp) > 0 {
			unit.Always = b.linkFault(u)
		}
		for _, d := range u.deps {
			if i, ok := index[d]; ok && !slices.Contains(unit.Deps, i) {
				unit.Deps = append(unit.Deps, i)
			}
		}
		if unit.Assembles {
			m.Dead = append(m.Dead, sessionsOf(b.dir.dir, u)...)
		}
		m.Units = append(m.Units, *unit)
	}
	return index, nil
}

// stampedFiles are the files by whose times Cargo tells whether u is fresh.
func (u *built) stampedFiles() (files []Path) {
	for _, o := range u.outputs {
		files = append(files, Path(o.path))
	}
	if u.depFile != "" {
		files = append(files, Path(u.depFile))
	}
	return files
}

// mutable reports whether the unit's sources can change: all but those that Cargo holds
// for unchanging, what nobody knows of among them.
func (u *built) mutable() bool { return u.source != SourceRegistry && u.source != SourceGit }

// mayName reports whether a unit of an immutable package may name the checkout
// it was built in: the run of a script may print or write anything, a crate may
// embed an env! value.
func (b *inspector) mayName(u *built) bool {
	if b.previous.units[u.key] != nil {
		return true
	}
	if b.previous.lookedAt(u) {
		return false
	}
	return u.broken == nil && (u.run || len(b.describer.originEnv(u)) > 0 || b.describer.links.mayLink(u))
}

// warm reads in parallel the files that unit will ask for one by one.
func (b *inspector) warm() {
	var paths []string
	seen := map[string]bool{}
	for _, u := range b.dir.units {
		if u.rustc == nil || b.previous.of(u) != nil || !u.mutable() {
			continue
		}
		for _, d := range u.rustc.Deps {
			if path := b.draft.from.absolute(d); !seen[path] {
				seen[path] = true
				paths = append(paths, path)
			}
		}
	}
	b.draft.trees.digests.warm(paths, hashWorkers)
}

// hashWorkers bounds parallel reading: beyond a few, one disk and the page cache
// give no more (two cores hash 650 sources in 20 ms).
const hashWorkers = 4

// unit describes one unit.
func (b *inspector) unit(u *built) (*Unit, error) {
	if unit := b.described[u]; unit != nil {
		return unit, nil
	}
	if u.recalled {
		if err := b.dir.reread(u); err != nil {
			return nil, err
		}
	}
	unit := &Unit{
		UnitName: u.UnitName, Record: Path(u.record), File: u.file, Layout: u.layout, Source: u.source,
		Run: u.run, Doc: u.doc, Mutable: u.mutable(), Built: u.depTime, Cost: u.cost, Linker: b.draft.linker(u),
	}
	s := &subject{draft: b.draft, u: u, unit: unit}
	switch k := b.previous.of(u); {
	case u.broken != nil:
		unit.Always = u.broken
	case u.doc:
		unit.Always = &Reason{RuleDocumentation, "documentation is not carried to another checkout"}
	case k != nil:
		b.previous.inherit(s, k)
	default:
		if err := b.describe(s); err != nil {
			return nil, err
		}
	}
	b.described[u] = unit
	return unit, nil
}

// linkFault is the part of Cargo's check that one common time would hide: a
// unit must not be older than what it was built from, nor built from something
// that is no longer there (cargo 1.95, fingerprint/mod.rs:check_filesystem).
func (b *inspector) linkFault(u *built) *Reason {
	if !b.draft.rules.On(RuleOlderThanDep) {
		return nil
	}
	newest := u.newestOutput(false)
	for _, d := range u.deps {
		if d != nil {
			b.dir.times(d)
		}
	}
	for i, d := range u.deps {
		if d == nil {
			return &Reason{RuleOlderThanDep, u.needs[i].name + " was rebuilt with other settings since"}
		}
		if d.newestOutput(u.needsMetadataOnly(d)) > newest {
			return &Reason{RuleOlderThanDep, d.Package + " was rebuilt since"}
		}
	}
	return nil
}

// newestOutput is the time Cargo compares: of the metadata alone where that is
// all a dependent needs, else the latest of all outputs but debug information.
func (u *built) newestOutput(metadata bool) int64 {
	newest := int64(0)
	for _, o := range u.outputs {
		switch ext := filepath.Ext(o.path); {
		case metadata && ext == ".rmeta":
			return o.mtime
		case ext == ".dwp", ext == ".dwo", ext == ".o", ext == ".pdb":
		default:
			newest = max(newest, o.mtime)
		}
	}
	return newest
}

// needsMetadataOnly: a library that depends on a library is compiled against
// its metadata, unless it is linked itself (cargo 1.95, build_runner/mod.rs:
// only_requires_rmeta).
func (u *built) needsMetadataOnly(d *built) bool {
	linked := slices.ContainsFunc(u.outputs, func(o outputFile) bool { return filepath.Ext(o.path) == ".so" || filepath.Ext(o.path) == ".a" })
	return u.Kind == "lib" && !u.Test && !linked && d.Kind == "lib" && !d.Test
}

// describe finds out what a subject was built from.
func (b *inspector) describe(s *subject) error {
	u, unit, from := s.u, s.unit, b.draft.from
	unit.Origin = from.originOf(u)
	s.origin = &from.origins[unit.Origin]
	if u.overridden() {
		return nil // its hash holds all that decides it
	}
	if u.source == SourceUnknown && b.draft.rules.On(RuleUnknownUnit) {
		s.always(RuleUnknownUnit, "nothing tells which package it belongs to")
		return nil
	}
	s.pkg = from.packageOf(u)
	if u.mutable() && s.pkg == nil && b.draft.rules.On(RuleUnknownUnit) {
		s.always(RuleUnknownUnit, "package "+u.pkg+" is not part of the workspace")
		return nil
	}
	if s.pkg != nil {
		home := s.home()
		unit.Home = &home
	}
	if u.run {
		return b.describer.describeRun(s)
	}
	ofMacro, err := b.describer.describeCompile(s)
	if ofMacro {
		unit.Commit, unit.CommitOnly = true, b.commitFromBelow(u) && !b.describer.git.macrosName(u)
	}
	return err
}

// commitFromBelow reports whether something that a unit is built on holds the commit
// already: a crate with the value that a script gave it, or what a script has written.
func (b *inspector) commitFromBelow(u *built) bool {
	seen := map[*built]bool{}
	var holds func(u *built) bool
	holds = func(u *built) bool {
		return slices.ContainsFunc(u.deps, func(d *built) bool {
			if d == nil || seen[d] || !d.mutable() {
				return false
			}
			seen[d] = true
			unit, err := b.unit(d)
			return err == nil && unit.Commit || holds(d)
		})
	}
	return holds(u)
}

// nest describes the build directories inside this one by the same rules. Those
// that are not of this workspace are left out, and so are those inside them.
func (b *inspector) nest(nested []string) error {
	if !b.draft.rules.On(RuleNestedBuild) {
		return nil
	}
	out := b.draft.manifest
	for _, rel := range nested {
		var m *Manifest
		if b.in.Place.Workspace.Outer == "" {
			var err error
			if m, err = b.inspectNested(rel); err != nil {
				return err
			}
		}
		if m == nil {
			out.Dead = append(out.Dead, rel)
			out.Left = append(out.Left, Path(rel))
			continue
		}
		for _, left := range m.Left {
			out.Left = append(out.Left, Path(rel)+"/"+left)
		}
		m.Left = nil
		for _, dead := range m.Dead {
			out.Dead = append(out.Dead, rel+"/"+dead)
		}
		out.Nested = append(out.Nested, Nested{Path(rel), m})
	}
	return nil
}

// inspectNested returns nil for a build directory that is not understood, or not
// of this workspace: names of sources mean something else there.
func (b *inspector) inspectNested(rel string) (*Manifest, error) {
	in := b.in
	in.Place, in.Previous = b.in.Place.within(rel), b.previous.nested(rel)
	in.Recall, _ = os.ReadFile(filepath.Join(in.Place.Workspace.BuildDir, RecallFile))
	if slices.ContainsFunc(b.in.Without, func(p string) bool { return strings.HasPrefix(p, rel+"/") }) {
		return nil, nil // it could not be locked
	}
	s, err := scan(in.Place.Workspace.BuildDir, in.Place.Workspace.CargoHome, in.Recall)
	if err != nil {
		return nil, nil //nolint:nilerr // it is left out
	}
	m, err := newInspector(b.ctx, in, s, b.draft.trees, b.draft.manifest.Dirty).build()
	if err := b.ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil || !m.understood() {
		return nil, nil
	}
	return m, nil
}
