package freshness

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// ofOtherCheckout reports whether a unit is of a path package outside of the workspace
// that belongs to another checkout. Cargo identifies such a package by its absolute path,
// which is part of the ids of its units and of all their dependents (cargo 1.95,
// core/package_id.rs:stable_hash). No build of this checkout uses these.
func (e *explainer) ofOtherCheckout(u *builddir.Unit) bool {
	if u.Source != builddir.SourcePath || u.Run || u.SourceList == nil || len(u.SourceList.Deps) == 0 {
		return false
	}
	root := u.SourceList.Deps[0]
	return filepath.IsAbs(root) && e.checkout.Workspace.PackageOf(root) == nil
}

// superseded returns the units of other checkouts, and their dependents, that have a
// counterpart here: what the next build does is said of the counterparts.
func (e *explainer) superseded() map[*builddir.Unit]bool {
	others := e.dir.WithDependents(e.ofOtherCheckout)
	if len(others) == 0 {
		return nil
	}
	counterpart := func(u *builddir.Unit) builddir.UnitName {
		n := u.UnitName
		n.Unit = ""
		return n
	}
	have := map[builddir.UnitName]bool{}
	for _, u := range e.dir.Units {
		if !others[u] {
			have[counterpart(u)] = true
		}
	}
	maps.DeleteFunc(others, func(u *builddir.Unit, _ bool) bool { return !have[counterpart(u)] })
	return others
}

// rootHere is the absolute name that Cargo will have in this checkout for the crate
// root of a unit; "" if it has a relative one, or if nothing tells.
func (e *explainer) rootHere(u *builddir.Unit) string {
	if u.Run || u.Doc || u.SourceList == nil || len(u.SourceList.Deps) == 0 || !filepath.IsAbs(u.SourceList.Deps[0]) {
		return ""
	}
	root := u.SourceList.Deps[0]
	if e.checkout.Workspace.Immutable(root) {
		return root
	}
	loc, _ := e.from.Origins[e.from.OriginOf(u)].Locate(root)
	here, _ := e.checkout.Abs(loc)
	return here
}

// moved gives the reason if Cargo names a unit's crate root otherwise than when the
// unit was built.
func (e *explainer) moved(u *builddir.Unit) *rule.Reason {
	root := e.rootHere(u)
	if isOfGoneHome(u, root) {
		return rule.Because(rule.Cargo, "its sources lay at "+u.SourceList.Deps[0]+", where they are not any more")
	}
	if root == "" || u.Fingerprint == nil || fingerprint.HashPath(root) == u.Fingerprint.Path {
		return nil
	}
	return rule.Because(rule.Cargo, "the path to its sources is another here")
}

// isOfGoneHome reports whether a unit is of a package that Cargo holds immutable and whose crate root
// is at no other place here, nor where it was: it was built with another home of Cargo's, which was
// renamed. Cargo calls such a package by its absolute path.
func isOfGoneHome(u *builddir.Unit, here string) bool {
	if u.Source != builddir.SourceVendored || u.SourceList == nil || len(u.SourceList.Deps) == 0 || here != "" && here != u.SourceList.Deps[0] {
		return false
	}
	_, err := os.Lstat(u.SourceList.Deps[0])
	return filepath.IsAbs(u.SourceList.Deps[0]) && errors.Is(err, fs.ErrNotExist)
}

// relinked gives the reason if the linker that Cargo calls for a unit lies in the checkout
// and its path is another one than when the unit was built.
func (e *explainer) relinked(u *builddir.Unit) *rule.Reason {
	if len(e.checkout.Linkers) == 0 || u.Run || u.Doc || u.Fingerprint == nil || fingerprint.NoLinker(u.Fingerprint.Config) ||
		slices.ContainsFunc(e.checkout.Linkers, func(l string) bool { _, ok := fingerprint.Relink(u.Fingerprint.Config, l, l); return ok }) {
		return nil
	}
	return rule.Because(rule.Cargo, "the path of the linker is another here")
}
