package cargo

import (
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/regular"
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
	if s.u.Source != builddir.SourceVendored {
		return
	}
	from := s.draft.from
	loc, _ := from.Origins[s.unit.Origin].Locate(s.u.SourceList.Deps[0])
	if loc.Root == rooted.Absolute {
		return
	}
	s.unit.Root = &loc
	if !s.draft.rules.On(rule.SourceName) {
		return
	}
	for _, name := range s.u.SourceList.Deps {
		if src, err := regular.Read(from.Resolve(name)); err != nil || rustsrc.NamesItself(src) {
			s.elsewhere(rule.SourceName, "file!() in "+s.draft.display(name)+" is its absolute path")
			return
		}
	}
}

// moveRoot changes the crate root in a fingerprint to that in the checkout. It reports
// whether what was there is the crate root where the directory was sealed.
func (p *Plan) moveRoot(u *manifest.Unit, f *fingerprint.Fingerprint) bool {
	to, ok := p.Checkout.Abs(*u.Root)
	if !ok {
		return false
	}
	was, now := f.Path, fingerprint.HashPath(to)
	f.Path = now
	if was == now {
		return true
	}
	for _, n := range p.Manifest.Origins[0].Names {
		if n.Root == u.Root.Root && fingerprint.HashPath(filepath.Join(string(n.Text), u.Root.Rel)) == was {
			return true
		}
	}
	return false
}

// watchSources makes Cargo watch the sources of a vendored unit that is kept in dir. Cargo
// takes them to be immutable, and does not watch those of a unit that it has compiled
// itself. But in a new checkout it would compile what lies there, so an edit between the
// restore and the first build has to be seen. The content of a dep-info file is not part
// of the unit's hash.
func (p *Plan) watchSources(dir string, u *manifest.Unit, f *fingerprint.Fingerprint) error {
	for _, l := range f.Local {
		if l.Kind == fingerprint.CheckDepInfo && l.Checksum {
			return nil // entries would need checksums
		}
	}
	if !p.settings.Rules.On(rule.OutsideSource) {
		return nil
	}
	path := dir + "/" + u.DepFile()
	b, err := regular.Read(path)
	if err != nil {
		return err
	}
	info, err := depinfo.Parse(b)
	if err != nil {
		return err
	}
	// Absolute ones were written for another checkout.
	files := slices.DeleteFunc(info.Files, func(f depinfo.File) bool { return filepath.IsAbs(f.Path) })
	for _, use := range u.Inputs {
		in := p.Manifest.Inputs[use.Index]
		if to, ok := p.Checkout.Abs(in.Path); ok && in.Kind == manifest.InputFile && in.Path.Root != rooted.Build {
			files = append(files, depinfo.File{Kind: depinfo.BuildRoot, Path: to})
		}
	}
	if u.Kind == builddir.KindScript && u.Home != nil && p.readUnwatched(*u.Home) {
		// Cargo takes the newest time of all that is in a directory.
		if to, ok := p.Checkout.Abs(*u.Home); ok {
			files = append(files, depinfo.File{Kind: depinfo.BuildRoot, Path: to})
		}
	}
	info.Files = files
	return atomicfile.Replace(path, info.Encode())
}

// readUnwatched reports whether the script of the vendored package in home declares no
// inputs. It runs again when its program is compiled again.
func (p *Plan) readUnwatched(home rooted.Path) bool {
	return slices.ContainsFunc(p.Manifest.Units, func(u manifest.Unit) bool { return u.Unwatched && u.Home != nil && *u.Home == home })
}
