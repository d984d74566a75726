package cargo

import (
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// recordAssembled makes inputs of the files that a unit's sources have the assembler read.
// If one is not found by its name, all files of the package become inputs.
func (b *describer) recordAssembled(s *subject) {
	if !b.rules.On(rule.LinkInput) {
		return
	}
	base := b.links.Of(s.u, s.pkg).Base
	seen := map[string]bool{}
	var read func(src []byte)
	read = func(src []byte) {
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
			text, err := regular.Read(path)
			if err != nil {
				b.wholePackage(s, rule.LinkInput)
				continue
			}
			if loc, _ := s.origin.Locate(path); loc.Root != rooted.Build && !b.checkout.Workspace.Immutable(path) {
				s.useFile(loc, rule.LinkInput)
			}
			read(text)
		}
	}
	for _, name := range s.u.SourceList.Deps {
		if src, err := b.sources.Read(name, s.origin); err == nil {
			read(src)
		}
	}
}
