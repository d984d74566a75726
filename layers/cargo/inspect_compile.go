package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embeds"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// describeCompile describes what one call of rustc read. ofMacro: its outputs hold the
// commit, and a macro may have put it there.
func (b *describer) describeCompile(s *subject) (ofMacro bool, err error) {
	ofWorkspace := s.u.Mutable() && s.pkg != nil
	if ofWorkspace {
		b.recordSources(s)
		b.recordAssembled(s)
		b.recordLinker(s)
		s.recordCrateRoot()
		s.recordLints()
		s.recordManifestVariables()
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
	macro, reach := b.macros.Impure(s.u)
	if macro == "" {
		return false, nil
	}
	if reach.SeesFiles() {
		b.wholePackage(s, rule.MacroInputs)
	} else {
		b.variables(s, rule.MacroInputs)
	}
	w, err := embeds.NewSearch(b.dir.Path, s.u, s.origin)
	if err != nil {
		return false, err
	}
	if excerpt, found := w.NamesOrigin(); found {
		s.elsewhere(rule.MacroOrigin, "macro of "+macro+" may have embedded "+excerpt)
	}
	if b.git.MacrosName(s.u) {
		b.sawCommit(s, true)
	}
	return w.HoldsCommit(), nil
}

// recordManifestVariables makes facts of the values of the manifest that the unit was built
// with. Cargo compares them itself, but only in a build, and somebody may run the program
// before that.
func (s *subject) recordManifestVariables() {
	for _, v := range s.u.DepInfo.Env {
		if _, ours := s.pkg.Variables[v.Name]; ours && v.Set {
			s.useFact(manifest.Fact{Kind: manifest.FactVariable, Path: s.home(), Value: v.Name + "=" + v.Value}, rule.PackageMetadata)
		}
	}
}

// recordLinker sees to it that what was linked was linked by what the fingerprint names.
func (b *describer) recordLinker(s *subject) {
	links, _ := s.u.Links()
	if f := b.checkout.Fingerprint; links && f != nil {
		s.since(rule.Fingerprint, "the linker, or the C library,", f.Changed)
	}
	if links && len(b.checkout.LinkFlags) > 0 {
		s.since(rule.LinkInput, "cargo's configuration", b.checkout.ConfigChanged)
	}
}

// recordSources records every file that Cargo or rustc name as an input.
func (b *describer) recordSources(s *subject) {
	ws, home := b.checkout.Workspace, s.home()
	for i, f := range s.u.DepInfo.Files {
		if f.Kind == depinfo.PackageRoot {
			s.useFile(home.Join(f.Path), rule.SourceContent)
			continue
		}
		if !filepath.IsAbs(f.Path) || ws.Immutable(f.Path) {
			continue // it lies in the build directory and moves along
		}
		if s.u.Source == builddir.SourceVendored {
			continue // rustc's list has it, too; see watchSources
		}
		loc, known := s.origin.Locate(f.Path)
		if !b.rules.On(rule.OutsideSource) || !known && !b.rules.On(rule.OriginAlias) {
			loc = rooted.Path{Root: rooted.Absolute, Rel: f.Path}
		}
		if loc.Root != rooted.Absolute {
			s.unit.Moved = append(s.unit.Moved, manifest.Watch{Index: i, Path: loc, Alias: !known})
		}
		if loc.Root != rooted.Build {
			s.useFile(loc, rule.OutsideSource)
		}
	}
	for _, name := range s.u.SourceList.Deps {
		loc := rooted.Path{Root: rooted.Workspace, Rel: name}
		known := true
		if filepath.IsAbs(name) {
			if ws.Immutable(name) {
				continue
			}
			loc, known = s.origin.Locate(name)
		}
		if loc.Root == rooted.Build {
			continue
		}
		if loc.Root == rooted.Absolute || known || b.rules.On(rule.OriginAlias) {
			b.recordSource(s, loc)
		}
	}
}

// recordSource records one source as rustc spells it: its content, where symbolic links
// on the way lead, and that nothing shadows it.
func (b *describer) recordSource(s *subject, loc rooted.Path) {
	path, ok := b.checkout.Abs(loc)
	if !ok {
		s.always(rule.InDoubt, "a source lies at "+loc.String())
		return
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		s.always(rule.ChangedSince, loc.Display()+" is gone")
		return
	}
	target, _ := b.from.Origins[0].Locate(real)
	linked := loc.Root != rooted.Absolute && target != (rooted.Path{Root: loc.Root, Rel: filepath.Clean(loc.Rel)})
	// rustc spells what a module includes from above as src/../../x.
	_, inside := paths.Under(filepath.Clean(path), s.pkg.Root)
	switch {
	case linked && !b.rules.On(rule.Symlink):
		// Only where the link leads to is compared: Cargo's record names it.
	case inside:
		s.useFile(loc, rule.SourceContent)
	case b.rules.On(rule.OutsideSource):
		s.useFile(loc, rule.OutsideSource)
	}
	if linked && b.rules.On(rule.Symlink) {
		s.use(manifest.Input{Path: loc, Kind: manifest.InputLink, Value: target.String()}, rule.Symlink)
	}
	if crateRoot := s.u.SourceList.Root(); b.rules.On(rule.ModuleShadow) && filepath.Ext(path) == ".rs" && loc.Rel != crateRoot {
		s.recordShadow(loc)
	}
}

// recordShadow records that the other file a module could be read from is not there:
// rustc refuses to choose between foo.rs and foo/mod.rs.
func (s *subject) recordShadow(loc rooted.Path) {
	dir, base := filepath.Split(loc.Rel)
	other := dir + strings.TrimSuffix(base, ".rs") + "/mod.rs"
	if base == "mod.rs" {
		other = strings.TrimSuffix(dir, "/") + ".rs"
	}
	shadowing := rooted.Path{Root: loc.Root, Rel: other}
	if at, ok := s.draft.checkout.Abs(shadowing); ok && other != ".rs" {
		if _, err := os.Lstat(at); os.IsNotExist(err) || paths.IsNotDir(err) {
			s.use(manifest.Input{Path: shadowing, Kind: manifest.InputAbsent}, rule.ModuleShadow)
		}
	}
}

// originEnv lists the env! values of a unit that name a checkout, or that depend
// on how cargo was called.
func (b *describer) originEnv(u *builddir.Unit) []depfile.Env {
	if u.SourceList == nil || len(u.SourceList.Env) == 0 {
		return nil
	}
	o := &b.from.Origins[b.from.OriginOf(u)]
	var found []depfile.Env
	for _, e := range u.SourceList.Env {
		_, named := o.Mentions(e.Value)
		if named || u.Mutable() && e.Name == "CARGO_PRIMARY_PACKAGE" || u.Mutable() && o.MentionsCommit(e.Value) {
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
	w, err := embeds.NewSearch(b.dir.Path, s.u, s.origin)
	if err != nil {
		return err
	}
	var sources [][]byte
	for _, name := range s.u.SourceList.Deps {
		src, err := b.sources.Read(name, s.origin)
		if err != nil {
			s.elsewhere(rule.InDoubt, "its source "+name+" cannot be read")
			return nil
		}
		sources = append(sources, src)
	}
	s.unit.Named = true
	for _, e := range env {
		if e.Name == "CARGO_PRIMARY_PACKAGE" {
			s.elsewhere(rule.EnvOrigin, e.Name+" tells which packages cargo was called for")
			continue
		}
		if _, named := s.origin.Mentions(e.Value); !named {
			// The value holds the commit, which alone counts here. Whether the branch
			// does is decided where the value comes from.
			s.unit.Commit, s.unit.CommitOnly = true, true
			continue
		}
		if isGiven(s.u, e.Name) {
			s.elsewhere(rule.EnvOrigin, e.Name+" names the origin wherever cargo is called")
			continue
		}
		if r := embeds.EnvHazard(b.rules, e, sources, w); r != nil {
			s.unit.Elsewhere = append(s.unit.Elsewhere, *r)
		}
	}
	return nil
}

// isGiven reports whether a variable came from the user, not from Cargo or a script: only
// those are in Cargo's dep-info. With the same value in another checkout a build there
// reads the origin's files, and must go on watching them.
func isGiven(u *builddir.Unit, name string) bool {
	return u.DepInfo != nil && slices.ContainsFunc(u.DepInfo.Env, func(e depinfo.Env) bool { return e.Name == name && e.Set })
}
