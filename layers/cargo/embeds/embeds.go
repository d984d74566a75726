// Package embeds judges whether what a unit wrote holds a path or commit of its origin in a way that
// matters: the names of sources that rustc notes for messages and debug information do not. It reads
// the outputs once, when a Search is made; a Search is for one goroutine.
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

// Search judges whether what a unit wrote holds a path in a way that matters.
type Search struct {
	embedded.Outputs
	origin *checkout.Origin
	names  []checkout.Name // of the origin, and those that rustc alone saw
}

// NewSearch reads what u, a unit in the build directory dir, has written. o is the
// checkout it was built in.
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

// AddSources adds the names of sources as rustc spells them.
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

// linkedSources are the absolute names of sources of all that a unit is built on,
// those of vendored packages and what scripts have written:
// what is linked holds them for its panics, and generic code brings them along. What
// else of a place these units hold was judged with them.
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

// NamesOrigin reports the first name of the origin that the outputs embed.
func (w *Search) NamesOrigin() (around string, found bool) {
	for _, n := range w.names {
		if around, found = w.Embed(string(n.Text)); found {
			return around, true
		}
	}
	return "", false
}

// HoldsCommit reports whether the outputs hold the origin's commit id.
func (w *Search) HoldsCommit() bool {
	if len(w.origin.Git.Commit) < 7 {
		return false
	}
	return w.Holds(w.origin.Git.Commit[:7])
}

// EnvHazard judges one env! or option_env! of a unit whose value names the
// origin. It is harmless only if every witness says so: the name is written in
// the unit's own sources, in includes and nowhere else, and the outputs hold the
// value only as the front of an included file's name.
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
	if around, found := w.Embed(e.Value); found && rules.On(rule.EnvOrigin) {
		return rule.Because(rule.EnvOrigin, "env!("+strconv.Quote(e.Name)+") is embedded: "+around)
	}
	return nil
}

// ContentText is all of a file that can reach another build: of objects and
// archives everything but debug information.
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
