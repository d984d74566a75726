package cargo

import (
	"context"
	"encoding/binary"
	"maps"
	"path/filepath"
	"slices"
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
	return newInspector(ctx, in, s, newDigester(), dirty).build()
}

func newInspector(ctx context.Context, in Inspection, s *scanned, digests *digester, dirty bool) *inspector {
	p := in.Place
	b := &inspector{
		in: in, dir: s, ctx: ctx, digests: digests,
		from:    newAttribution(p, s.dir),
		trees:   newTreeReader(p, digests, in.Settings),
		readers: map[fileQuestion]bool{}, links: newLinkReader(p, s.dir), gitNamed: map[*built]bool{},
		known: map[string]*Unit{}, listed: map[*built]bool{}, stamped: map[*built]bool{}, units: map[*built]*Unit{}, index: map[*built]int{},
		spelled: map[string]sourceTexts{}, climbing: map[string][]climbingText{},
		inputs: map[string]int{}, treeIndex: map[string]int{}, facts: map[string]int{},
		doubts: map[*built]string{}, away: map[*built]string{},
		manifest: &Manifest{Format: ManifestFormat, Layout: s.layout, Profiles: s.profiles, Git: p.Git},
	}
	b.macros = newMacroUse(in.Settings.PureMacros, b.sourcesOf)
	if in.Previous != nil {
		for i := range in.Previous.Units {
			b.known[in.Previous.Units[i].key()] = &in.Previous.Units[i]
		}
	}
	b.manifest.Dirty = dirty
	b.from.origins[0].Clean = !dirty
	return b
}

type inspector struct {
	in        Inspection
	dir       *scanned
	from      *attribution
	ctx       context.Context
	digests   *digester
	trees     *treeReader
	macros    *macroUse
	readers   map[fileQuestion]bool
	spelled   map[string]sourceTexts    // by source
	climbing  map[string][]climbingText // by package
	links     *linkReader
	gitNamed  map[*built]bool // programs that run at compile time: whether they name git
	known     map[string]*Unit
	listed    map[*built]bool
	stamped   map[*built]bool // the mutable units and all above them
	units     map[*built]*Unit
	index     map[*built]int
	inputs    map[string]int
	treeIndex map[string]int
	facts     map[string]int
	manifest  *Manifest

	around *around
	strays []*keptStray
	before map[string]*Stray // those of Previous, by path
	// Why scripts run again for what they left: doubts anywhere, away in any place
	// but the origin.
	doubts, away map[*built]string
}

func (b *inspector) build() (*Manifest, error) {
	m := b.manifest
	if b.in.Settings.Rules.On(RuleLeftOutside) {
		if err := b.findStrays(); err != nil {
			return nil, err
		}
	}
	dead, err := b.bury()
	if err != nil {
		return nil, err
	}
	b.warm()
	listed, err := b.choose()
	if err != nil {
		return nil, err
	}
	for i, u := range listed {
		b.index[u] = i
	}
	for _, u := range listed {
		if err := b.ctx.Err(); err != nil {
			return nil, err
		}
		unit, err := b.unit(u)
		if err != nil {
			return nil, err
		}
		if unit.Always == nil && len(unit.Stamp) > 0 {
			unit.Always = b.linkFault(u)
		}
		for _, d := range u.deps {
			if i, ok := b.index[d]; ok && d != nil && !slices.Contains(unit.Deps, i) {
				unit.Deps = append(unit.Deps, i)
			}
		}
		if unit.Assembles {
			m.Dead = append(m.Dead, b.sessionsOf(u)...)
		}
		m.Units = append(m.Units, *unit)
	}
	b.listStrays()
	if err := b.nest(); err != nil {
		return nil, err
	}
	unlisted := slices.DeleteFunc(slices.Clone(b.dir.units), func(u *built) bool { return b.listed[u] })
	m.Immutable, m.Others = len(unlisted), digestUnits(unlisted)
	m.Origins = b.from.origins
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

// choose lists the units a manifest must know: the mutable ones, those that name
// this checkout, and all above either.
func (b *inspector) choose() ([]*built, error) {
	want := b.listed
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
	for _, u := range b.dir.units {
		if u.mutable() {
			up(u)
		}
	}
	maps.Copy(b.stamped, want)
	makers, err := b.describeStrays()
	if err != nil {
		return nil, err
	}
	for _, u := range makers {
		if unit := b.units[u]; unit.Always != nil || len(unit.Elsewhere) > 0 {
			up(u)
		}
		want[u] = true
	}
	for _, u := range b.dir.units {
		if b.linker(u) != nil {
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
	var listed []*built
	for _, u := range b.dir.units {
		if want[u] {
			listed = append(listed, u)
		}
	}
	return listed, nil
}

// mutable reports whether the unit's sources can change: all but those that Cargo holds
// for unchanging, what nobody knows of among them.
func (u *built) mutable() bool { return u.source != SourceRegistry && u.source != SourceGit }

// mayName reports whether a unit of an immutable package may name the checkout
// it was built in: the run of a script may print or write anything, a crate may
// embed an env! value.
func (b *inspector) mayName(u *built) bool {
	if b.known[u.key] != nil {
		return true
	}
	if u.recalled || b.in.Previous != nil && u.depTime < b.in.Sealed && u.depTime != 0 {
		return false // it was looked at when Previous was made
	}
	return u.broken == nil && (u.run || len(b.originEnv(u)) > 0 || b.links.mayLink(u))
}

// warm reads in parallel the files that unit will ask for one by one.
func (b *inspector) warm() {
	var paths []string
	seen := map[string]bool{}
	for _, u := range b.dir.units {
		if u.rustc == nil || b.inherits(u) != nil || !u.mutable() {
			continue
		}
		for _, d := range u.rustc.Deps {
			if path := b.from.absolute(d); !seen[path] {
				seen[path] = true
				paths = append(paths, path)
			}
		}
	}
	b.digests.warm(paths, hashWorkers)
}

// hashWorkers bounds parallel reading: beyond a few, one disk and the page cache
// give no more (two cores hash 650 sources in 20 ms).
const hashWorkers = 4

// inherits returns what the previous manifest says of u, if u was not built
// since.
func (b *inspector) inherits(u *built) *Unit {
	k := b.known[u.key]
	if k == nil || u.broken != nil || u.depTime == 0 {
		return nil
	}
	if u.depTime == k.Built || b.in.Restored != 0 && u.depTime == b.in.Restored && k.Always == nil {
		return k
	}
	return nil
}

// unit describes one listed unit.
func (b *inspector) unit(u *built) (*Unit, error) {
	if unit := b.units[u]; unit != nil {
		return unit, nil
	}
	if u.recalled {
		if err := b.dir.reread(u); err != nil {
			return nil, err
		}
	}
	unit := &Unit{
		UnitName: u.UnitName, Record: Path(u.record), File: u.file, Layout: u.layout, Source: u.source,
		Run: u.run, Doc: u.doc, Mutable: u.mutable(), Built: u.depTime, Cost: u.cost,
	}
	unit.Linker = b.linker(u)
	if b.stamped[u] {
		for _, o := range u.outputs {
			unit.Stamp = append(unit.Stamp, Path(o.path))
		}
		if u.depFile != "" {
			unit.Stamp = append(unit.Stamp, Path(u.depFile))
		}
	}
	switch {
	case u.broken != nil:
		unit.Always = u.broken
	case u.doc:
		unit.Always = &Reason{RuleDocumentation, "documentation is not carried to another checkout"}
	case b.inherits(u) != nil:
		b.inherit(unit, b.inherits(u))
	default:
		if err := b.describe(u, unit); err != nil {
			return nil, err
		}
	}
	b.units[u] = unit
	return unit, nil
}

// linkFault is the part of Cargo's check that one common time would hide: a
// unit must not be older than what it was built from, nor built from something
// that is no longer there (cargo 1.95, fingerprint/mod.rs:check_filesystem).
func (b *inspector) linkFault(u *built) *Reason {
	if !b.in.Settings.Rules.On(RuleOlderThanDep) {
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

// describe finds out what a unit was built from.
func (b *inspector) describe(u *built, unit *Unit) error {
	origin := b.from.originOf(u)
	unit.Origin = origin
	o := &b.from.origins[origin]
	if u.overridden() {
		return nil // its hash holds all that decides it
	}
	if u.source == SourceUnknown && b.in.Settings.Rules.On(RuleUnknownUnit) {
		unit.Always = &Reason{RuleUnknownUnit, "nothing tells which package it belongs to"}
		return nil
	}
	pkg := b.from.packageOf(u)
	if u.mutable() && pkg == nil && b.in.Settings.Rules.On(RuleUnknownUnit) {
		unit.Always = &Reason{RuleUnknownUnit, "package " + u.pkg + " is not part of the workspace"}
		return nil
	}
	if pkg != nil {
		home := b.home(pkg)
		unit.Home = &home
	}
	if u.run {
		return b.describeRun(u, unit, o, pkg)
	}
	return b.describeCompile(u, unit, o, pkg)
}
