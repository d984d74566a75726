package cargo

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
)

// Cargo calls rustc in the workspace root with relative names for path packages
// inside it, and in the package's own directory with an absolute name for all
// others (cargo 1.95, util/workspace.rs:path_args). A unit's fingerprint holds a
// hash of that name. So a vendored package that lies in the checkout, equal to the
// byte in every one, has another fingerprint in each; its ids are the same.

// recordCrateRoot notes where the crate root of a unit lies whose fingerprint holds its
// absolute path, if that moves with the checkout. What else such a path gets into,
// the names of sources and the working directory, is judged like any other.
func (s *subject) recordCrateRoot() {
	if s.u.source != SourceVendored {
		return
	}
	from := s.draft.from
	loc, _ := from.origins[s.unit.Origin].locate(s.u.rustc.Deps[0])
	if loc.Base == BaseFixed {
		return
	}
	s.unit.Root = &loc
	if !s.draft.rules.On(RuleSourceName) {
		return
	}
	for _, name := range s.u.rustc.Deps {
		if src, err := os.ReadFile(from.absolute(name)); err != nil || rustsrc.NamesItself(src) {
			s.elsewhere(RuleSourceName, "file!() in "+s.draft.display(name)+" is its absolute path")
			return
		}
	}
}

// moveRoot brings the crate root in a fingerprint to its place. It reports whether
// what is there is the crate root where the directory was sealed.
func (p *Plan) moveRoot(u *Unit, f *fingerprint.Fingerprint) bool {
	to, ok := p.place.Abs(*u.Root)
	if !ok {
		return false
	}
	was, now := f.Path, fingerprint.HashPath(to)
	f.Path = now
	if was == now {
		return true
	}
	for _, n := range p.manifest.Origins[0].Names {
		if n.Base == u.Root.Base && fingerprint.HashPath(filepath.Join(string(n.Text), u.Root.Path)) == was {
			return true
		}
	}
	return false
}

// watchSources has Cargo watch the sources of a vendored unit that is kept in dir. Of one
// that it has compiled itself it does not: it holds them for unchanging. But then it
// compiles what lies there in a new checkout, and what is edited between the restore
// and the first build has to be seen all the same. The content of a dep-info file is
// not part of the unit's hash.
func (p *Plan) watchSources(dir string, u *Unit, f *fingerprint.Fingerprint) error {
	for _, l := range f.Local {
		if l.Kind == fingerprint.CheckDepInfo && l.Checksum {
			return nil // entries would need checksums
		}
	}
	if !p.settings.Rules.On(RuleOutsideSource) {
		return nil
	}
	path := dir + "/" + u.depFile()
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := depinfo.Parse(b)
	if err != nil {
		return err
	}
	// Those that are there were written for another place.
	files := slices.DeleteFunc(info.Files, func(f depinfo.File) bool { return filepath.IsAbs(f.Path) })
	for _, use := range u.Inputs {
		in := p.manifest.Inputs[use.Index]
		if to, ok := p.place.Abs(in.Loc); ok && in.Kind == InputFile && in.Loc.Base != BaseBuild {
			files = append(files, depinfo.File{Kind: depinfo.BuildRoot, Path: to})
		}
	}
	if u.Kind == kindScript && u.Home != nil && p.readUnwatched(*u.Home) {
		// Cargo takes the newest time of all that is in a directory.
		if to, ok := p.place.Abs(*u.Home); ok {
			files = append(files, depinfo.File{Kind: depinfo.BuildRoot, Path: to})
		}
	}
	info.Files = files
	return atomicfile.Replace(path, info.Encode())
}

// readUnwatched reports whether the script of the vendored package in home has run
// without saying what it reads. It runs again when its program is compiled again.
func (p *Plan) readUnwatched(home Loc) bool {
	return slices.ContainsFunc(p.manifest.Units, func(u Unit) bool { return u.Unwatched && u.Home != nil && *u.Home == home })
}

// strayed reports whether a unit is of a path package outside of the workspace that
// is none of the place's: such a package is called by its absolute path, and that is
// part of the ids of its units and of all above them (cargo 1.95, core/package_id.rs:
// stable_hash). No build of the place uses these.
func (e *explainer) strayed(u *built) bool {
	if u.source != SourcePath || u.run || u.rustc == nil || len(u.rustc.Deps) == 0 {
		return false
	}
	root := u.rustc.Deps[0]
	return filepath.IsAbs(root) && e.place.Workspace.packageOf(root) == nil
}

// replaced are the strayed units, and those above them, which have their like among
// the others: what the next build will do is told of these.
func (e *explainer) replaced() map[*built]bool {
	gone := e.dir.upwards(e.strayed)
	if len(gone) == 0 {
		return nil
	}
	like := func(u *built) UnitName {
		n := u.UnitName
		n.Unit = ""
		return n
	}
	have := map[UnitName]bool{}
	for _, u := range e.dir.units {
		if !gone[u] {
			have[like(u)] = true
		}
	}
	maps.DeleteFunc(gone, func(u *built, _ bool) bool { return !have[like(u)] })
	return gone
}

// rootHere is the absolute name that Cargo will have in the place for the crate
// root of a unit; "" if it has a relative one, or if nobody can tell.
func (e *explainer) rootHere(u *built) string {
	if u.run || u.doc || u.rustc == nil || len(u.rustc.Deps) == 0 || !filepath.IsAbs(u.rustc.Deps[0]) {
		return ""
	}
	root := u.rustc.Deps[0]
	if e.place.Workspace.immutable(root) {
		return root
	}
	loc, _ := e.from.origins[e.from.originOf(u)].locate(root)
	here, _ := e.place.Abs(loc)
	return here
}

// moved reports whether Cargo names a unit's crate root otherwise than when the
// unit was built.
func (e *explainer) moved(u *built) *Reason {
	root := e.rootHere(u)
	if root == "" || u.print == nil || fingerprint.HashPath(root) == u.print.Path {
		return nil
	}
	return &Reason{RuleCargo, "the path to its sources is another here"}
}
