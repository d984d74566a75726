package cargo

import (
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/linkage"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/reach"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// describer finds out what units were built from. Its readers read each file once for all
// units.
type describer struct {
	checkout    *checkout.Checkout
	rules       rule.Set
	dir         *builddir.Dir
	from        *checkout.Attribution
	sources     *checkout.SourceReader
	links       *linkage.Reader
	macros      *reach.Macros
	texts       *textReader
	conditional *conditionalReader
	git         *reach.Git
}

func newDescriber(bd *builddir.Dir, d *draft, pure []rule.MacroRange) *describer {
	sources := checkout.NewSourceReader(d.checkout, bd, d.from)
	macros := reach.NewMacros(pure, sources.Of)
	return &describer{
		checkout: d.checkout, rules: d.rules, dir: bd, from: d.from,
		sources: sources, links: linkage.NewReader(d.checkout, bd.Path), macros: macros,
		texts:       &textReader{d.checkout, d.from, d.trees, map[string]sourceTexts{}, map[string][]climbingText{}},
		conditional: &conditionalReader{bd, macros, map[fileQuestion]bool{}},
		git:         reach.NewGit(bd, macros, d.from.Resolve),
	}
}

// wholePackage makes inputs of all that lies in a subject's package and beside it, and of
// what is named elsewhere: for code that may read any of it unseen.
func (b *describer) wholePackage(s *subject, by rule.Rule) {
	if !b.rules.On(by) {
		return
	}
	s.useTree(s.home(), manifest.ScopePackage, by)
	if s.u.Source == builddir.SourceVendored {
		return
	}
	s.useTree(rooted.Path{Root: rooted.Workspace}, manifest.ScopeBeside, by)
	for _, outer := range b.checkout.Workspace.Packages {
		if _, inside := paths.Under(s.pkg.Root, outer.Root); inside && outer.Root != s.pkg.Root && outer.Root != b.checkout.Workspace.Root {
			s.useTree(b.from.HomeOf(&outer), manifest.ScopeBeside, by)
		}
	}
	s.useSearched()
	b.conditional.use(s, by)
	b.texts.useNamed(s, by)
	b.variables(s, by)
}

// variables makes inputs of what cargo tells in variables, of a subject's package and of
// the [env] table: for code that may read any of them.
func (b *describer) variables(s *subject, by rule.Rule) {
	if !b.rules.On(by) || s.u.Source == builddir.SourceVendored {
		return
	}
	s.useFact(manifest.Fact{Kind: manifest.FactPackage, Path: s.home(), Value: s.pkg.Metadata}, rule.PackageMetadata)
	s.useFact(manifest.Fact{Kind: manifest.FactEnv, Path: rooted.Path{Root: rooted.Workspace}, Value: b.checkout.Env}, rule.ConfigEnv)
	if b.checkout.Env != "" {
		s.since(rule.ConfigEnv, "cargo's configuration", b.checkout.ConfigChanged)
	}
}
