package cargo

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// recordAssembled makes inputs of the files that a unit's sources have the assembler read.
// One that is not found by its name may be any of the package's.
func (b *describer) recordAssembled(s *subject) {
	if !b.rules.On(RuleLinkInput) {
		return
	}
	base := b.links.linkage(s.u, s.pkg).base
	seen := map[string]bool{}
	var look func(src []byte)
	look = func(src []byte) {
		names, found := rustsrc.Assembled(src)
		s.unit.Assembles = s.unit.Assembles || found
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
				b.wholePackage(s, RuleLinkInput)
				continue
			}
			if loc, _ := s.origin.locate(path); loc.Base != BaseBuild && !b.place.Workspace.immutable(path) {
				s.useFile(loc, RuleLinkInput)
			}
			look(text)
		}
	}
	for _, name := range s.u.rustc.Deps {
		if src, err := b.sources.read(name, s.origin); err == nil {
			look(src)
		}
	}
}

// sessionsOf lists what rustc has kept in dir of the compilations of a unit's crate. An object
// in there holds what the assembler has read, and rustc would take it up again where
// the sources are the same.
func sessionsOf(dir string, u *built) []string {
	crate := strings.ReplaceAll(u.Target, "-", "_")
	found, err := filepath.Glob(globQuote(filepath.Join(dir, u.Profile, "incremental")) + "/" + crate + "-*")
	if err != nil {
		return nil
	}
	for i := range found {
		found[i], _ = paths.Under(found[i], dir)
	}
	return found
}
