package cargo

import (
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// Cargo calls rustc in the workspace root with relative names for path packages
// inside it, and in the package's own directory with an absolute name for all
// others (cargo 1.95, util/workspace.rs:path_args). A unit's fingerprint holds a
// hash of that name. So a vendored package that lies in the checkout, equal to the
// byte in every one, has another fingerprint in each; its ids are the same.

// crateRoot notes where the crate root of a unit lies whose fingerprint holds its
// absolute path, if that moves with the checkout. What else such a path gets into,
// the names of sources and the working directory, is judged like any other.
func (b *inspector) crateRoot(u *built, unit *Unit) {
	if u.source != SourceVendored {
		return
	}
	loc, _ := b.manifest.Origins[unit.Origin].locate(u.rustc.Deps[0])
	if loc.Base == BaseFixed {
		return
	}
	unit.Root = &loc
	if !b.Settings.Rules.On(RuleSourceName) {
		return
	}
	for _, name := range u.rustc.Deps {
		if src, err := os.ReadFile(b.absolute(name)); err != nil || rustsrc.NamesItself(src) {
			b.elsewhere(unit, RuleSourceName, "file!() in "+b.display(name)+" is its absolute path")
			return
		}
	}
}

// moveRoot brings the crate root in a fingerprint to its place. It reports whether
// what is there is the crate root where the directory was sealed.
func (r *retagger) moveRoot(u *Unit, f *fingerprint.Fingerprint) bool {
	to, ok := r.place.Abs(*u.Root)
	if !ok {
		return false
	}
	was, now := f.Path, fingerprint.HashPath(to)
	f.Path = now
	if was == now {
		return true
	}
	for _, n := range r.manifest.Origins[0].Names {
		if n.Base == u.Root.Base && fingerprint.HashPath(filepath.Join(string(n.Text), u.Root.Path)) == was {
			return true
		}
	}
	return false
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
	b := e.inspector
	loc, _ := b.manifest.Origins[b.originOf(u)].locate(root)
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
