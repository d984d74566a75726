package rustc

import (
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// registered reports whether the package is one that a registry has by its name and
// version.
func (u *unit) registered() (name, version string, ok bool) {
	name, _ = u.env("CARGO_PKG_NAME")
	version, _ = u.env("CARGO_PKG_VERSION")
	return name, version, u.inHome("/registry/src") && filepath.Base(u.Dir) == name+"-"+version
}

// inHome reports whether the working directory is below one of CARGO_HOME's, which may
// be linked to from there.
func (u *unit) inHome(rel string) bool {
	home, ok := u.env("CARGO_HOME")
	if !ok {
		home, ok = u.env("HOME")
		home += "/.cargo"
	}
	if !ok || !filepath.IsAbs(home) {
		return false
	}
	if paths.Below(u.Dir, home+rel) {
		return true
	}
	real, err := filepath.EvalSymlinks(home + rel)
	return err == nil && paths.Below(u.Dir, real)
}

// immutable reports whether the package is one that cargo has unpacked, and takes to
// be what it was.
func (u *unit) immutable() bool { return u.inHome("/registry/src") || u.inHome("/git/checkouts") }
