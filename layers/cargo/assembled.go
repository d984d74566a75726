package cargo

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// assembled makes inputs of the files that a unit's sources have the assembler read.
// One that is not found by its name may be any of the package's.
func (b *inspector) assembled(u *built, unit *Unit, o *Origin, pkg *Package) {
	if !b.in.Settings.Rules.On(RuleLinkInput) {
		return
	}
	base := b.links.linkage(u, pkg).base
	seen := map[string]bool{}
	var look func(src []byte)
	look = func(src []byte) {
		names, found := rustsrc.Assembled(src)
		unit.Assembles = unit.Assembles || found
		for _, name := range names {
			path := name
			if !filepath.IsAbs(name) {
				path = base + "/" + name
			}
			if seen[path] {
				continue
			}
			seen[path] = true
			text, err := os.ReadFile(path)
			if err != nil {
				b.wholePackage(u, unit, o, pkg, RuleLinkInput)
				continue
			}
			if loc, _ := o.locate(path); loc.Base != BaseBuild && !b.in.Place.Workspace.immutable(path) {
				b.useFile(u, unit, loc, RuleLinkInput)
			}
			look(text)
		}
	}
	for _, name := range u.rustc.Deps {
		if src, err := b.source(name, o); err == nil {
			look(src)
		}
	}
}

// sessionsOf lists what rustc has kept of the compilations of a unit's crate. An object
// in there holds what the assembler has read, and rustc would take it up again where
// the sources are the same.
func (b *inspector) sessionsOf(u *built) []string {
	crate := strings.ReplaceAll(u.Target, "-", "_")
	found, err := filepath.Glob(globQuote(filepath.Join(b.dir.dir, u.Profile, "incremental")) + "/" + crate + "-*")
	if err != nil {
		return nil
	}
	for i := range found {
		found[i], _ = paths.Under(found[i], b.dir.dir)
	}
	return found
}
