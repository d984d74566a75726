package cargo

import (
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// sawCommit makes sure that a unit which has asked git saw what a layer says of its origin: the commit that is checked out
// now, clean as it is now, and the tags that are set now, if tagged. Cargo does not know what it saw, so the
// times tell: whoever commits what was just built has outputs with the commit before.
func (b *describer) sawCommit(s *subject, tagged bool) {
	co := b.checkout
	if co.Moved == nil || s.unit.Origin != 0 {
		return // what another origin had a former layer says
	}
	if s.u.Started <= co.Moved() {
		s.always(rule.GitState, "the commit was checked out, or made, after it had asked for it")
		return
	}
	if touched, err := co.Touched(); err != nil || s.u.Started <= touched {
		s.always(rule.GitState, "a file was changed after it had asked whether any was")
		return
	}
	if !tagged {
		return
	}
	tags, err := co.Tags()
	if err != nil || s.u.Started <= tags.Changed {
		s.always(rule.GitState, "tags were changed after it may have asked for them")
		return
	}
	s.useFact(manifest.Fact{Kind: manifest.FactTags, Path: rooted.Path{Root: rooted.Workspace}, Value: tags.Digest}, rule.GitState)
}
