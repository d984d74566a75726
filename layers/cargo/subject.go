package cargo

import (
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// subject is a unit while it is described: as it lies on disk, and as the manifest will
// list it.
type subject struct {
	draft  *draft
	u      *builddir.Unit
	unit   *manifest.Unit
	origin *checkout.Origin // where it was built
	pkg    *project.Package // its package; nil if that is none of the workspace
}

// home is where the subject's package lies.
func (s *subject) home() rooted.Path { return s.draft.from.HomeOf(s.pkg) }

// always says why the unit is rebuilt in any checkout. The first reason counts.
func (s *subject) always(by rule.Rule, detail string) {
	if s.unit.Always == nil && s.draft.rules.On(by) {
		s.unit.Always = rule.Because(by, detail)
	}
}

// elsewhere says why the unit is rebuilt in any checkout but its origin.
func (s *subject) elsewhere(by rule.Rule, detail string) {
	if s.draft.rules.On(by) {
		s.unit.Elsewhere = append(s.unit.Elsewhere, rule.Reason{Rule: by, Detail: detail})
	}
}

func (s *subject) use(in manifest.Input, by rule.Rule) {
	if use := (manifest.Use{Index: s.draft.input(in), Rule: by}); !slices.Contains(s.unit.Inputs, use) {
		s.unit.Inputs = append(s.unit.Inputs, use)
	}
}

// useFile makes the content of a file an input.
func (s *subject) useFile(loc rooted.Path, by rule.Rule) {
	path, ok := s.draft.checkout.Abs(loc)
	if !ok {
		s.always(rule.InDoubt, "an input lies at "+loc.String())
		return
	}
	st := s.draft.trees.Digests.File(path)
	if st.Err != nil {
		s.always(rule.ChangedSince, loc.Display()+" cannot be read")
		return
	}
	s.changed(loc.Display(), st.Changed)
	s.use(manifest.Input{Path: loc, Kind: manifest.InputFile, Value: st.Digest}, by)
}

// useTree makes an input of all below a directory that counts in scope.
func (s *subject) useTree(loc rooted.Path, scope string, by rule.Rule) {
	entries, newest, err := s.draft.trees.Read(loc, scope)
	if err != nil {
		s.always(rule.InDoubt, loc.Display()+" cannot be read: "+err.Error())
		return
	}
	s.changed(s.draft.display(newest.Path), newest.Changed)
	s.addTree(manifest.Tree{Path: loc, Scope: scope, Entries: entries}, by)
}

func (s *subject) addTree(t manifest.Tree, by rule.Rule) {
	s.unit.Trees = append(s.unit.Trees, manifest.Use{Index: s.draft.tree(t), Rule: by})
}

func (s *subject) useFact(f manifest.Fact, by rule.Rule) {
	if !s.draft.rules.On(by) {
		return
	}
	if use := (manifest.Use{Index: s.draft.fact(f), Rule: by}); !slices.Contains(s.unit.Facts, use) {
		s.unit.Facts = append(s.unit.Facts, use)
	}
}

// changed marks the unit if an input was changed when its build had begun, or at the same
// instant: then it may have been built from something else.
func (s *subject) changed(name string, at int64) { s.since(rule.ChangedSince, name, at) }

// since does so by the rule that compares what was changed.
func (s *subject) since(by rule.Rule, name string, at int64) {
	if at >= s.u.Started {
		s.always(by, name+" changed after the build had begun")
	}
}
