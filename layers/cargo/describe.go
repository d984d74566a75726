package cargo

import "github.com/cargo-cow/cargo-cow/layers/paths"

// describer finds out what units were built from. What its readers have read for one
// unit they know for all.
type describer struct {
	place     *Place
	rules     Rules
	dir       *scanned
	from      *attribution
	sources   *sourceReader
	links     *linkReader
	macros    *macroUse
	texts     *textReader
	witnesses *witnessReader
	git       *gitReader
}

func newDescriber(s *scanned, d *draft, pure []MacroRange) *describer {
	sources := newSourceReader(d.place, s, d.from)
	macros := newMacroUse(pure, sources.of)
	return &describer{
		place: d.place, rules: d.rules, dir: s, from: d.from,
		sources: sources, links: newLinkReader(d.place, s.dir), macros: macros,
		texts:     &textReader{d.place, d.from, d.trees, map[string]sourceTexts{}, map[string][]climbingText{}},
		witnesses: &witnessReader{s, macros, map[fileQuestion]bool{}},
		git:       newGitReader(s, macros, d.from.absolute),
	}
}

// wholePackage makes all that lies in and beside a subject's package an input, and what
// is named elsewhere, for code that may read any of it without a trace.
func (b *describer) wholePackage(s *subject, by Rule) {
	if !b.rules.On(by) {
		return
	}
	s.useTree(s.home(), scopePackage, by)
	if s.u.source == SourceVendored {
		return
	}
	s.useTree(Loc{Base: BaseRoot}, scopeBeside, by)
	for _, around := range b.place.Workspace.Packages {
		if _, inside := paths.Under(s.pkg.Root, around.Root); inside && around.Root != s.pkg.Root && around.Root != b.place.Workspace.Root {
			s.useTree(b.from.home(&around), scopeBeside, by)
		}
	}
	s.useSearched()
	b.witnesses.use(s, by)
	b.texts.useNamed(s, by)
	b.variables(s, by)
}

// variables makes inputs of what cargo tells of a subject's package, and configures, in
// variables: for code that may read any of them.
func (b *describer) variables(s *subject, by Rule) {
	if !b.rules.On(by) || s.u.source == SourceVendored {
		return
	}
	s.useFact(Fact{factPackage, s.home(), s.pkg.Metadata}, RulePackageMetadata)
	s.useFact(Fact{factEnv, Loc{Base: BaseRoot}, b.place.Env}, RuleConfigEnv)
}
