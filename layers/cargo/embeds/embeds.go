// Package embeds decides whether the outputs of a unit hold a path or commit of its origin in a way that
// matters. The names of sources that rustc notes for messages and debug information do not matter. The
// outputs are read once, when a Search is made; a Search is for one goroutine.
package embeds

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Search looks in the outputs of one unit for names of its origin.
type Search struct {
	embedded.Outputs
	origin *checkout.Origin
	names  []checkout.Name // of the origin, and those by which the wrapper showed it to rustc
}

// NewSearch reads the outputs of u, a unit in the build directory dir. o is the checkout
// it was built in.
func NewSearch(dir string, u *builddir.Unit, o *checkout.Origin) (*Search, error) {
	w := &Search{origin: o, names: o.Names}
	if u.SeenAs != (handoff.State{}) {
		w.names = append(slices.Clone(o.Names), checkout.Name{Root: rooted.Build, Text: paths.Path(u.SeenAs.Build)}, checkout.Name{Root: rooted.Workspace, Text: paths.Path(u.SeenAs.Root)})
	}
	for _, n := range w.names {
		if n.Root == rooted.Workspace {
			w.WorkDirs = append(w.WorkDirs, string(n.Text)) // rustc's is the workspace root
		}
	}
	if u.Source == builddir.SourceVendored {
		for dir := filepath.Dir(u.SourceList.Deps[0]); len(dir) > 1; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err == nil {
				w.WorkDirs = append(w.WorkDirs, dir) // its package's
				break
			}
		}
	}
	w.AddSources(u.SourceList.Deps)
	w.Sources = append(w.Sources, linkedSources(u)...)
	for _, f := range u.Outputs {
		if err := w.Add(filepath.Join(dir, f.Path)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// AddSources adds sources, named as rustc spells them: where only their names are found,
// no name of the origin is embedded.
func (w *Search) AddSources(names []string) {
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

// linkedSources returns the absolute names of the sources of all that a unit depends on:
// those of vendored packages, and files that scripts have written. Linked code holds
// them for its panics, and generic code brings them along. Whether those units hold
// other names of their origin is decided with them.
func linkedSources(u *builddir.Unit) (names []string) {
	seen := map[*builddir.Unit]bool{u: true}
	var below func(u *builddir.Unit)
	below = func(u *builddir.Unit) {
		for _, d := range u.Deps {
			if d == nil || seen[d] {
				continue
			}
			seen[d] = true
			if d.SourceList != nil {
				for _, name := range d.SourceList.Deps {
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

// NamesOrigin reports whether the outputs embed a name of the origin, and what stands
// around the first one.
func (w *Search) NamesOrigin() (excerpt string, found bool) {
	for _, n := range w.names {
		if excerpt, found = w.Embed(string(n.Text)); found {
			return excerpt, true
		}
	}
	return "", false
}

// HoldsCommit reports whether the outputs hold the origin's commit id, abbreviated or
// not.
func (w *Search) HoldsCommit() bool {
	if len(w.origin.Git.Commit) < 7 {
		return false
	}
	return w.Holds(w.origin.Git.Commit[:7])
}

// EnvHazard gives the reason against an env! or option_env! of a unit whose value names
// the origin, nil if it is harmless. It is only if all of this holds: the unit's own
// sources name the variable, they do so in includes and nowhere else, and the outputs
// hold the value only as the front of an included file's name.
func EnvHazard(rules rule.Set, e depfile.Env, sources [][]byte, w *Search) *rule.Reason {
	var uses rustsrc.Uses
	for _, src := range sources {
		n := rustsrc.EnvUses(src, e.Name)
		uses.Includes += n.Includes
		uses.Elsewhere += n.Elsewhere
	}
	if uses.Elsewhere > 0 {
		if !rules.On(rule.EnvOrigin) {
			return nil
		}
		return rule.Because(rule.EnvOrigin, "env!("+strconv.Quote(e.Name)+") is "+e.Value)
	}
	if uses.Includes == 0 && rules.On(rule.EnvElsewhere) {
		return rule.Because(rule.EnvElsewhere, "a macro of another crate uses env!("+strconv.Quote(e.Name)+"), which is "+e.Value)
	}
	if excerpt, found := w.Embed(e.Value); found && rules.On(rule.EnvOrigin) {
		return rule.Because(rule.EnvOrigin, "env!("+strconv.Quote(e.Name)+") is embedded: "+excerpt)
	}
	return nil
}

// ContentText returns all of a file that can get into another build: of objects and
// archives everything but debug information, of a link its text.
func ContentText(path string, d fs.DirEntry) (string, error) {
	if d.Type()&fs.ModeSymlink != 0 {
		return os.Readlink(path)
	}
	if !d.Type().IsRegular() {
		return "", nil
	}
	parts, err := embedded.Read(path)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, p := range parts {
		if p.Kind != embedded.Debug {
			text.Write(p.Data)
			text.WriteByte(0)
		}
	}
	return text.String(), nil
}
