package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// witness judges whether what a unit wrote holds a path in a way that matters.
type witness struct {
	embedded.Outputs
	origin *Origin
	names  []Name // of the origin, and those that rustc alone saw
}

// newWitness reads what u, a unit in the build directory dir, has written. o is the
// checkout it was built in.
func newWitness(dir string, u *built, o *Origin) (*witness, error) {
	w := &witness{origin: o, names: o.Names}
	if u.seenAs != (handoff.State{}) {
		w.names = append(slices.Clone(o.Names), Name{BaseBuild, Path(u.seenAs.Build)}, Name{BaseRoot, Path(u.seenAs.Root)})
	}
	for _, n := range w.names {
		if n.Base == BaseRoot {
			w.WorkDirs = append(w.WorkDirs, string(n.Text)) // rustc's is the workspace root
		}
	}
	if u.source == SourceVendored {
		for dir := filepath.Dir(u.rustc.Deps[0]); len(dir) > 1; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err == nil {
				w.WorkDirs = append(w.WorkDirs, dir) // its package's
				break
			}
		}
	}
	w.addSources(u.rustc.Deps)
	w.Sources = append(w.Sources, linkedSources(u)...)
	for _, f := range u.outputs {
		if err := w.Add(filepath.Join(dir, f.path)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// addSources adds the names of sources as rustc spells them.
func (w *witness) addSources(names []string) {
	for _, d := range names {
		if filepath.IsAbs(d) {
			w.Sources = append(w.Sources, d)
			continue
		}
		for _, root := range w.WorkDirs {
			w.Sources = append(w.Sources, root+"/"+d)
		}
	}
}

// linkedSources are the absolute names of sources of all that a unit is built on,
// those of vendored packages and what scripts have written:
// what is linked holds them for its panics, and generic code brings them along. What
// else of a place these units hold was judged with them.
func linkedSources(u *built) (names []string) {
	seen := map[*built]bool{u: true}
	var below func(u *built)
	below = func(u *built) {
		for _, d := range u.deps {
			if d == nil || seen[d] {
				continue
			}
			seen[d] = true
			if d.rustc != nil {
				for _, name := range d.rustc.Deps {
					if filepath.IsAbs(name) {
						names = append(names, name)
					}
				}
			}
			below(d)
		}
	}
	below(u)
	return names
}

// namesOrigin reports the first name of the origin that the outputs embed.
func (w *witness) namesOrigin() (around string, found bool) {
	for _, n := range w.names {
		if around, found = w.Embed(string(n.Text)); found {
			return around, true
		}
	}
	return "", false
}

// holdsCommit reports whether the outputs hold the origin's commit id.
func (w *witness) holdsCommit() bool {
	if len(w.origin.Git.Commit) < 7 {
		return false
	}
	return w.Holds(w.origin.Git.Commit[:7])
}

// envHazard judges one env! or option_env! of a unit whose value names the
// origin. It is harmless only if every witness says so: the name is written in
// the unit's own sources, in includes and nowhere else, and the outputs hold the
// value only as the front of an included file's name.
func envHazard(rules Rules, e depfile.Env, sources [][]byte, w *witness) *Reason {
	var uses rustsrc.Uses
	for _, src := range sources {
		n := rustsrc.EnvUses(src, e.Name)
		uses.Includes += n.Includes
		uses.Elsewhere += n.Elsewhere
	}
	if uses.Elsewhere > 0 {
		if !rules.On(RuleEnvOrigin) {
			return nil
		}
		return &Reason{RuleEnvOrigin, "env!(" + strconv.Quote(e.Name) + ") is " + e.Value}
	}
	if uses.Includes == 0 && rules.On(RuleEnvElsewhere) {
		return &Reason{RuleEnvElsewhere, "a macro of another crate uses env!(" + strconv.Quote(e.Name) + "), which is " + e.Value}
	}
	if around, found := w.Embed(e.Value); found && rules.On(RuleEnvOrigin) {
		return &Reason{RuleEnvOrigin, "env!(" + strconv.Quote(e.Name) + ") is embedded: " + around}
	}
	return nil
}
