package cargo

import "slices"

// subject is a unit that is described: as it lies on disk, and what is said of it.
type subject struct {
	draft  *draft
	u      *built
	unit   *Unit
	origin *Origin  // where it was built
	pkg    *Package // whose it is, nil for none of the workspace
}

// home is where the subject's package lies.
func (s *subject) home() Loc { return s.draft.from.home(s.pkg) }

// always says why the unit is rebuilt wherever it gets to, unless that is known.
func (s *subject) always(by Rule, detail string) {
	if s.unit.Always == nil && s.draft.rules.On(by) {
		s.unit.Always = &Reason{by, detail}
	}
}

// elsewhere says why the unit is rebuilt anywhere but in its origin.
func (s *subject) elsewhere(by Rule, detail string) {
	if s.draft.rules.On(by) {
		s.unit.Elsewhere = append(s.unit.Elsewhere, Reason{by, detail})
	}
}

func (s *subject) use(in Input, by Rule) {
	if use := (Use{s.draft.input(in), by}); !slices.Contains(s.unit.Inputs, use) {
		s.unit.Inputs = append(s.unit.Inputs, use)
	}
}

// useFile makes the content of a file an input.
func (s *subject) useFile(loc Loc, by Rule) {
	path, ok := s.draft.place.Abs(loc)
	if !ok {
		s.always(RuleInDoubt, "an input lies at "+loc.String())
		return
	}
	st := s.draft.trees.digests.file(path)
	if st.err != nil {
		s.always(RuleChangedSince, loc.display()+" cannot be read")
		return
	}
	s.changed(loc.display(), st.changed)
	s.use(Input{Loc: loc, Kind: InputFile, Value: st.digest}, by)
}

// useTree makes all an input that counts below a directory.
func (s *subject) useTree(loc Loc, scope string, by Rule) {
	entries, newest, err := s.draft.trees.read(loc, scope)
	if err != nil {
		s.always(RuleInDoubt, loc.display()+" cannot be read: "+err.Error())
		return
	}
	s.changed(s.draft.display(newest.path), newest.changed)
	s.addTree(Tree{loc, scope, entries}, by)
}

func (s *subject) addTree(t Tree, by Rule) {
	s.unit.Trees = append(s.unit.Trees, Use{s.draft.tree(t), by})
}

func (s *subject) useFact(f Fact, by Rule) {
	if s.draft.rules.On(by) {
		s.unit.Facts = append(s.unit.Facts, Use{s.draft.fact(f), by})
	}
}

// changed marks a unit one of whose inputs was changed at or after the instant
// its build began: then it may have been built from something else.
func (s *subject) changed(name string, at int64) {
	if at >= s.u.depTime {
		s.always(RuleChangedSince, name+" changed after the build had begun")
	}
}
