package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// describeCompile describes what one call of rustc read. ofMacro: what it wrote holds
// the commit, which macros may have asked for.
func (b *describer) describeCompile(s *subject) (ofMacro bool, err error) {
	ofWorkspace := s.u.mutable() && s.pkg != nil
	if ofWorkspace {
		b.recordSources(s)
		b.recordAssembled(s)
		s.recordCrateRoot()
		s.recordLints()
	}
	if err := b.recordEnvironment(s); err != nil {
		return false, err
	}
	if err := b.recordLinkInputs(s); err != nil {
		return false, err
	}
	if !ofWorkspace {
		return false, nil
	}
	macro, reach := b.macros.impure(s.u)
	if macro == "" {
		return false, nil
	}
	if reach.SeesFiles() {
		b.wholePackage(s, RuleMacroInputs)
	} else {
		b.variables(s, RuleMacroInputs)
	}
	w, err := newWitness(b.dir.dir, s.u, s.origin)
	if err != nil {
		return false, err
	}
	if around, found := w.namesOrigin(); found {
		s.elsewhere(RuleMacroOrigin, "macro of "+macro+" may have embedded "+around)
	}
	return w.holdsCommit(), nil
}

// recordSources records every file that Cargo or rustc name as an input.
func (b *describer) recordSources(s *subject) {
	ws, home := b.place.Workspace, s.home()
	for i, f := range s.u.info.Files {
		if f.Kind == depinfo.PackageRoot {
			s.useFile(home.join(f.Path), RuleSourceContent)
			continue
		}
		if !filepath.IsAbs(f.Path) || ws.immutable(f.Path) {
			continue // it lies in the build directory and moves along
		}
		if s.u.source == SourceVendored {
			continue // rustc's list has it, too; see watchSources
		}
		loc, known := s.origin.locate(f.Path)
		if !b.rules.On(RuleOutsideSource) || !known && !b.rules.On(RuleOriginAlias) {
			loc = Loc{BaseFixed, f.Path}
		}
		if loc.Base != BaseFixed {
			s.unit.Moved = append(s.unit.Moved, Watch{Index: i, Loc: loc, Alias: !known})
		}
		if loc.Base != BaseBuild {
			s.useFile(loc, RuleOutsideSource)
		}
	}
	for _, name := range s.u.rustc.Deps {
		loc := Loc{BaseRoot, name}
		known := true
		if filepath.IsAbs(name) {
			if ws.immutable(name) {
				continue
			}
			loc, known = s.origin.locate(name)
		}
		if loc.Base == BaseBuild {
			continue
		}
		if loc.Base == BaseFixed || known || b.rules.On(RuleOriginAlias) {
			b.recordSource(s, loc)
		}
	}
}

// recordSource records one source as rustc spells it: its content, where symbolic links
// on the way lead, and that nothing shadows it.
func (b *describer) recordSource(s *subject, loc Loc) {
	path, ok := b.place.Abs(loc)
	if !ok {
		s.always(RuleInDoubt, "a source lies at "+loc.String())
		return
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		s.always(RuleChangedSince, loc.display()+" is gone")
		return
	}
	target, _ := b.from.origins[0].locate(real)
	linked := loc.Base != BaseFixed && target != (Loc{loc.Base, filepath.Clean(loc.Path)})
	// rustc spells what a module includes from above as src/../../x.
	_, inside := paths.Under(filepath.Clean(path), s.pkg.Root)
	switch {
	case linked && !b.rules.On(RuleSymlink):
		// Only where the link leads to is compared: Cargo's record names it.
	case inside:
		s.useFile(loc, RuleSourceContent)
	case b.rules.On(RuleOutsideSource):
		s.useFile(loc, RuleOutsideSource)
	}
	if linked && b.rules.On(RuleSymlink) {
		s.use(Input{Loc: loc, Kind: InputLink, Value: target.String()}, RuleSymlink)
	}
	if crateRoot := s.u.rustc.Root(); b.rules.On(RuleModuleShadow) && filepath.Ext(path) == ".rs" && loc.Path != crateRoot {
		s.recordShadow(loc)
	}
}

// recordShadow records that the other file a module could be read from is not there:
// rustc refuses to choose between foo.rs and foo/mod.rs.
func (s *subject) recordShadow(loc Loc) {
	dir, base := filepath.Split(loc.Path)
	other := dir + strings.TrimSuffix(base, ".rs") + "/mod.rs"
	if base == "mod.rs" {
		other = strings.TrimSuffix(dir, "/") + ".rs"
	}
	shadowing := Loc{loc.Base, other}
	if at, ok := s.draft.place.Abs(shadowing); ok && other != ".rs" {
		if _, err := os.Lstat(at); os.IsNotExist(err) || isNotDir(err) {
			s.use(Input{Loc: shadowing, Kind: InputAbsent}, RuleModuleShadow)
		}
	}
}

// originEnv lists the env! values of a unit that name a checkout, or that depend
// on how cargo was called.
func (b *describer) originEnv(u *built) []depfile.Env {
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

// recordEnvironment judges the env! values of a unit that name the checkout.
func (b *describer) recordEnvironment(s *subject) error {
	env := b.originEnv(s.u)
	if len(env) == 0 {
		return nil
	}
	w, err := newWitness(b.dir.dir, s.u, s.origin)
	if err != nil {
		return err
	}
	var sources [][]byte
	for _, name := range s.u.rustc.Deps {
		src, err := b.sources.read(name, s.origin)
		if err != nil {
			s.elsewhere(RuleInDoubt, "its source "+name+" cannot be read")
			return nil
		}
		sources = append(sources, src)
	}
	s.unit.Named = true
	for _, e := range env {
		if e.Name == "CARGO_PRIMARY_PACKAGE" {
			s.elsewhere(RuleEnvOrigin, e.Name+" tells which packages cargo was called for")
			continue
		}
		if _, named := s.origin.mentions(e.Value); !named {
			// Whence it comes, the branch is judged with that: a script, or the user.
			s.unit.Commit, s.unit.CommitOnly = true, true
			continue
		}
		if isGiven(s.u, e.Name) {
			s.elsewhere(RuleEnvOrigin, e.Name+" names the origin wherever cargo is called")
			continue
		}
		if r := envHazard(b.rules, e, sources, w); r != nil {
			s.unit.Elsewhere = append(s.unit.Elsewhere, *r)
		}
	}
	return nil
}

// isGiven reports whether a variable came from the user, not from Cargo or a
// script: Cargo tracks only those. With the same value in another checkout a
// build there reads the origin's files, and must go on watching them.
func isGiven(u *built, name string) bool {
	return u.info != nil && slices.ContainsFunc(u.info.Env, func(e depinfo.Env) bool { return e.Name == name && e.Set })
}
