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

// inspector makes the manifest of one build directory.
type inspector struct {
	ctx      context.Context
	in       Inspection
	dir      *scanned
	previous *previous
	draft    *draft
	units    *describedUnits
}

// newInspector makes that of s. trees may be shared with the build directory around it:
// nothing in a build directory is in them.
func newInspector(ctx context.Context, in Inspection, s *scanned, trees *treeReader, dirty bool) *inspector {
	p := in.Place
	from := newAttribution(p, s.dir)
	from.origins[0].Clean = !dirty
	d := newDraft(p, in.Settings.Rules, from, trees, &Manifest{Format: ManifestFormat, Layout: s.layout, Profiles: s.profiles, Git: p.Git, Dirty: dirty})
	former := newPrevious(in.Previous, in.Sealed, in.Restored)
	units := &describedUnits{s, former, d, newDescriber(s, d, in.Settings.PureMacros), map[*built]*Unit{}}
	return &inspector{ctx, in, s, former, d, units}
}

func (b *inspector) build() (*Manifest, error) {
	m, from := b.draft.manifest, b.draft.from
	left := newLeftovers(b.dir, from)
	if b.draft.rules.On(RuleLeftOutside) {
		if err := left.find(newMakerFinder(b.dir, from, b.draft.trees, b.previous)); err != nil {
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
	chosen, err := b.choose(stamped, left)
	if err != nil {
		return nil, err
	}
	index, err := b.list(chosen, stamped)
	if err != nil {
		return nil, err
	}
	left.list(m, index)
	if err := b.nest(left.beside.nested); err != nil {
		return nil, err
	}
	unlisted := slices.DeleteFunc(slices.Clone(b.dir.units), func(u *built) bool { _, ok := index[u]; return ok })
	m.Immutable, m.Others = len(unlisted), digestUnits(unlisted)
	m.Origins = from.origins
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
	makers, err := left.describe(b.units.of)
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
	for _, u := range b.dir.units {
		if b.draft.linker(u) != nil {
			want[u] = true
		}
	}
	for _, u := range b.dir.units {
		if want[u] || !b.mayName(u) {
			continue
		}
		unit, err := b.units.of(u)
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
		unit, err := b.units.of(u)
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
	return u.broken == nil && (u.run || len(b.units.describer.originEnv(u)) > 0 || b.units.describer.links.mayLink(u))
}

// warm reads in parallel the files that units will ask for one by one.
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
