package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// describeCompile describes what one call of rustc read.
func (b *inspector) describeCompile(u *built, unit *Unit, o *Origin, pkg *Package) error {
	if u.mutable() && pkg != nil {
		b.sources(u, unit, o, pkg)
		b.assembled(u, unit, o, pkg)
		b.crateRoot(u, unit)
		b.lints(u, unit, o, pkg)
	}
	if err := b.environment(u, unit, o); err != nil {
		return err
	}
	if err := b.linkInputs(u, unit, o, pkg); err != nil {
		return err
	}
	macro, reach := "", rustsrc.Reach{}
	if u.mutable() && pkg != nil {
		macro, reach = b.macros.impure(u)
	}
	if macro == "" {
		return nil
	}
	if reach.SeesFiles() {
		b.wholePackage(u, unit, o, pkg, RuleMacroInputs)
	} else {
		b.variables(u, unit, pkg, RuleMacroInputs)
	}
	w, err := newWitness(b.dir.dir, u, o)
	if err != nil {
		return err
	}
	if around, found := w.namesOrigin(); found {
		b.elsewhere(unit, RuleMacroOrigin, "macro of "+macro+" may have embedded "+around)
	}
	if w.holdsCommit() {
		unit.Commit, unit.CommitOnly = true, b.commitFromBelow(u) && !b.macrosNameGit(u)
	}
	return nil
}

// sources records every file that Cargo or rustc name as an input.
func (b *inspector) sources(u *built, unit *Unit, o *Origin, pkg *Package) {
	home := b.home(pkg)
	rules := b.in.Settings.Rules
	for i, f := range u.info.Files {
		if f.Kind == depinfo.PackageRoot {
			b.useFile(u, unit, home.join(f.Path), RuleSourceContent)
			continue
		}
		if !filepath.IsAbs(f.Path) || b.in.Place.Workspace.immutable(f.Path) {
			continue // it lies in the build directory and moves along
		}
		if u.source == SourceVendored {
			continue // rustc's list has it, too; see watchSources
		}
		loc, known := o.locate(f.Path)
		if !rules.On(RuleOutsideSource) || !known && !rules.On(RuleOriginAlias) {
			loc = Loc{BaseFixed, f.Path}
		}
		if loc.Base != BaseFixed {
			unit.Moved = append(unit.Moved, Watch{Index: i, Loc: loc, Alias: !known})
		}
		if loc.Base != BaseBuild {
			b.useFile(u, unit, loc, RuleOutsideSource)
		}
	}
	for _, name := range u.rustc.Deps {
		loc := Loc{BaseRoot, name}
		known := true
		if filepath.IsAbs(name) {
			if b.in.Place.Workspace.immutable(name) {
				continue
			}
			loc, known = o.locate(name)
		}
		if loc.Base == BaseBuild {
			continue
		}
		if loc.Base == BaseFixed || known || rules.On(RuleOriginAlias) {
			b.name(u, unit, loc, pkg)
		}
	}
}

// name records one source as rustc spells it: its content, where symbolic links
// on the way lead, and that nothing shadows it.
func (b *inspector) name(u *built, unit *Unit, loc Loc, pkg *Package) {
	rules := b.in.Settings.Rules
	path, ok := b.in.Place.Abs(loc)
	if !ok {
		b.always(unit, RuleInDoubt, "a source lies at "+loc.String())
		return
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		b.always(unit, RuleChangedSince, loc.display()+" is gone")
		return
	}
	target, _ := b.from.origins[0].locate(real)
	linked := loc.Base != BaseFixed && target != (Loc{loc.Base, filepath.Clean(loc.Path)})
	// rustc spells what a module includes from above as src/../../x.
	_, inside := paths.Under(filepath.Clean(path), pkg.Root)
	switch {
	case linked && !rules.On(RuleSymlink):
		// Only where the link leads to is compared: Cargo's record names it.
	case inside:
		b.useFile(u, unit, loc, RuleSourceContent)
	case rules.On(RuleOutsideSource):
		b.useFile(u, unit, loc, RuleOutsideSource)
	}
	if linked && rules.On(RuleSymlink) {
		b.use(unit, Input{Loc: loc, Kind: InputLink, Value: target.String()}, RuleSymlink)
	}
	if crateRoot := u.rustc.Root(); rules.On(RuleModuleShadow) && filepath.Ext(path) == ".rs" && loc.Path != crateRoot {
		b.shadow(unit, loc)
	}
}

// shadow records that the other file a module could be read from is not there:
// rustc refuses to choose between foo.rs and foo/mod.rs.
func (b *inspector) shadow(unit *Unit, loc Loc) {
	dir, base := filepath.Split(loc.Path)
	other := dir + strings.TrimSuffix(base, ".rs") + "/mod.rs"
	if base == "mod.rs" {
		other = strings.TrimSuffix(dir, "/") + ".rs"
	}
	shadowing := Loc{loc.Base, other}
	if at, ok := b.in.Place.Abs(shadowing); ok && other != ".rs" {
		if _, err := os.Lstat(at); os.IsNotExist(err) || isNotDir(err) {
			b.use(unit, Input{Loc: shadowing, Kind: InputAbsent}, RuleModuleShadow)
		}
	}
}

// originEnv lists the env! values of a unit that name a checkout, or that depend
// on how cargo was called.
func (b *inspector) originEnv(u *built) []depfile.Env {
	if u.rustc == nil || len(u.rustc.Env) == 0 {
		return nil
	}
	o := &b.from.origins[b.from.originOf(u)]
	var found []depfile.Env
	for _, e := range u.rustc.Env {
		_, named := o.mentions(e.Value)
		if named || u.mutable() && e.Name == "CARGO_PRIMARY_PACKAGE" || u.mutable() && o.mentionsCommit(e.Value) {
			found = append(found, e)
		}
	}
	return found
}

// environment judges the env! values of a unit that name the checkout.
func (b *inspector) environment(u *built, unit *Unit, o *Origin) error {
	env := b.originEnv(u)
	if len(env) == 0 {
		return nil
	}
	w, err := newWitness(b.dir.dir, u, o)
	if err != nil {
		return err
	}
	var sources [][]byte
	for _, name := range u.rustc.Deps {
		src, err := b.source(name, o)
		if err != nil {
			b.elsewhere(unit, RuleInDoubt, "its source "+name+" cannot be read")
			return nil
		}
		sources = append(sources, src)
	}
	unit.Named = true
	for _, e := range env {
		if e.Name == "CARGO_PRIMARY_PACKAGE" {
			b.elsewhere(unit, RuleEnvOrigin, e.Name+" tells which packages cargo was called for")
			continue
		}
		if _, named := o.mentions(e.Value); !named {
			// Whence it comes, the branch is judged with that: a script, or the user.
			unit.Commit, unit.CommitOnly = true, true
			continue
		}
		if b.isGiven(u, e.Name) {
			b.elsewhere(unit, RuleEnvOrigin, e.Name+" names the origin wherever cargo is called")
			continue
		}
		if r := envHazard(b.in.Settings.Rules, e, sources, w); r != nil {
			unit.Elsewhere = append(unit.Elsewhere, *r)
		}
	}
	return nil
}

// isGiven reports whether a variable came from the user, not from Cargo or a
// script: Cargo tracks only those. With the same value in another checkout a
// build there reads the origin's files, and must go on watching them.
func (b *inspector) isGiven(u *built, name string) bool {
	return u.info != nil && slices.ContainsFunc(u.info.Env, func(e depinfo.Env) bool { return e.Name == name && e.Set })
}

// wholePackage makes all that lies in and beside a package an input of unit, and what
// is named elsewhere, for code that may read any of it without a trace.
func (b *inspector) wholePackage(u *built, unit *Unit, o *Origin, pkg *Package, rule Rule) {
	home := b.home(pkg)
	if !b.in.Settings.Rules.On(rule) {
		return
	}
	b.useTree(u, unit, home, scopePackage, rule)
	if u.source == SourceVendored {
		return
	}
	b.useTree(u, unit, Loc{Base: BaseRoot}, scopeBeside, rule)
	for _, around := range b.in.Place.Workspace.Packages {
		if _, inside := paths.Under(pkg.Root, around.Root); inside && around.Root != pkg.Root && around.Root != b.in.Place.Workspace.Root {
			b.useTree(u, unit, b.home(&around), scopeBeside, rule)
		}
	}
	b.useSearched(u, unit)
	b.useWitnessed(u, unit, pkg, rule)
	b.useNamed(u, unit, o, pkg, rule)
	b.variables(u, unit, pkg, rule)
}

// variables makes inputs of unit what cargo tells of a package, and configures, in
// variables: for code that may read any of them.
func (b *inspector) variables(u *built, unit *Unit, pkg *Package, rule Rule) {
	if !b.in.Settings.Rules.On(rule) || u.source == SourceVendored {
		return
	}
	home := b.home(pkg)
	b.useFact(unit, Fact{factPackage, home, pkg.Metadata}, RulePackageMetadata)
	b.useFact(unit, Fact{factEnv, Loc{Base: BaseRoot}, b.in.Place.Env}, RuleConfigEnv)
}

// home is where a package of the place lies.
func (b *inspector) home(pkg *Package) Loc {
	loc, _ := b.from.origins[0].locate(pkg.Root)
	return loc
}

// source reads a source by the name rustc gave it in the checkout it was built
// in.
func (b *inspector) source(name string, o *Origin) ([]byte, error) {
	if filepath.IsAbs(name) {
		if loc, _ := o.locate(name); loc.Base != BaseFixed {
			name, _ = b.in.Place.Abs(loc)
		}
	}
	return os.ReadFile(b.from.absolute(name))
}

func (b *inspector) always(unit *Unit, rule Rule, detail string) {
	if unit.Always == nil && b.in.Settings.Rules.On(rule) {
		unit.Always = &Reason{rule, detail}
	}
}

// useFile makes the content of a file an input.
func (b *inspector) useFile(u *built, unit *Unit, loc Loc, rule Rule) {
	path, ok := b.in.Place.Abs(loc)
	if !ok {
		b.always(unit, RuleInDoubt, "an input lies at "+loc.String())
		return
	}
	st := b.digests.file(path)
	if st.err != nil {
		b.always(unit, RuleChangedSince, loc.display()+" cannot be read")
		return
	}
	b.changed(u, unit, loc.display(), st.changed)
	b.use(unit, Input{Loc: loc, Kind: InputFile, Value: st.digest}, rule)
}

// changed marks a unit one of whose inputs was changed at or after the instant
// its build began: then it may have been built from something else.
func (b *inspector) changed(u *built, unit *Unit, name string, at int64) {
	if at >= u.depTime {
		b.always(unit, RuleChangedSince, name+" changed after the build had begun")
	}
}

func (b *inspector) use(unit *Unit, in Input, rule Rule) {
	key := in.Kind + " " + in.Loc.String()
	i, ok := b.inputs[key]
	if ok && b.manifest.Inputs[i] != in {
		ok = false // inherited from a build of something else
		key += " " + in.Value
		i, ok = b.inputs[key]
	}
	if !ok {
		i = len(b.manifest.Inputs)
		b.inputs[key] = i
		b.manifest.Inputs = append(b.manifest.Inputs, in)
	}
	if use := (Use{i, rule}); !slices.Contains(unit.Inputs, use) {
		unit.Inputs = append(unit.Inputs, use)
	}
}

func (b *inspector) useTree(u *built, unit *Unit, loc Loc, scope string, rule Rule) {
	entries, newest, err := b.trees.read(loc, scope)
	if err != nil {
		b.always(unit, RuleInDoubt, loc.display()+" cannot be read: "+err.Error())
		return
	}
	b.changed(u, unit, b.display(newest.path), newest.changed)
	b.addTree(unit, Tree{loc, scope, entries}, rule)
}

func (b *inspector) addTree(unit *Unit, t Tree, rule Rule) {
	key := t.Scope + " " + t.Loc.String()
	for {
		i, ok := b.treeIndex[key]
		if !ok {
			i = len(b.manifest.Trees)
			b.treeIndex[key] = i
			b.manifest.Trees = append(b.manifest.Trees, t)
		} else if !slices.Equal(b.manifest.Trees[i].Entries, t.Entries) {
			key += "+"
			continue
		}
		unit.Trees = append(unit.Trees, Use{i, rule})
		return
	}
}

func (b *inspector) useFact(unit *Unit, f Fact, rule Rule) {
	if !b.in.Settings.Rules.On(rule) {
		return
	}
	key := f.Kind + " " + f.Loc.String() + " " + f.Value
	i, ok := b.facts[key]
	if !ok {
		i = len(b.manifest.Facts)
		b.facts[key] = i
		b.manifest.Facts = append(b.manifest.Facts, f)
	}
	unit.Facts = append(unit.Facts, Use{i, rule})
}

// display names a path of the place for a person.
func (b *inspector) display(path string) string {
	if rel, ok := paths.Under(path, b.in.Place.Workspace.Root); ok && rel != "" {
		return rel
	}
	return path
}

// inherit copies what the previous manifest says of a unit that was not built
// since: it is known what it was built from, whatever lies there now.
func (b *inspector) inherit(unit *Unit, k *Unit) {
	prev := b.in.Previous
	unit.Built, unit.Cost = k.Built, k.Cost
	unit.Home, unit.Commit, unit.Named, unit.Newest, unit.Rewatch = k.Home, k.Commit, k.Named, k.Newest, k.Rewatch
	unit.Assembles, unit.Unwatched = k.Assembles, k.Unwatched
	unit.Root, unit.Linker, unit.CommitOnly = k.Root, k.Linker, k.CommitOnly
	unit.Always, unit.Elsewhere, unit.Moved = k.Always, k.Elsewhere, k.Moved
	unit.Origin = b.origin(prev.Origins[k.Origin])
	for _, use := range k.Inputs {
		b.use(unit, prev.Inputs[use.Index], use.Rule)
	}
	for _, use := range k.Trees {
		b.addTree(unit, prev.Trees[use.Index], use.Rule)
	}
	for _, use := range k.Facts {
		b.useFact(unit, prev.Facts[use.Index], use.Rule)
	}
}

// origin returns the index of an origin, adding it if it is new.
func (b *inspector) origin(o Origin) int {
	for i, have := range b.from.origins {
		if have.Git == o.Git && have.Clean == o.Clean && have.Ino == o.Ino && slices.Equal(have.Names, o.Names) {
			return i
		}
	}
	b.from.origins = append(b.from.origins, o)
	return len(b.from.origins) - 1
}
