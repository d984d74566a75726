package recompile

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// A site is where units were made, by the names that the compiler had for it.
type site struct {
	root  string // workspace root
	build string // build directory, by the text that cargo had for it
	top   string // root of the git checkout, or of the workspace
}

// sites are all that units of a build directory were made at.
type sites struct {
	o     *Options
	here  *site
	all   []*site
	units *checkout.Attribution
	moved *handoff.Handoff // what a restore left; nil if there is nothing
	// real is the build directory without symbolic links.
	real string
}

func newSites(o *Options, dir *builddir.Dir) (*sites, error) {
	ws := o.Checkout.Workspace
	p := &sites{o: o, units: checkout.NewAttribution(o.Checkout, dir.Path)}
	root, err := filepath.EvalSymlinks(ws.Root)
	top, topErr := filepath.EvalSymlinks(o.Top)
	real, realErr := filepath.EvalSymlinks(ws.BuildDir)
	if err = errors.Join(err, topErr, realErr); err != nil {
		return nil, err
	}
	if _, inside := paths.Under(root, top); !inside {
		top = root
	}
	p.here, p.real = &site{root: root, build: ws.BuildDir, top: top}, real
	p.all = []*site{p.here}
	if h, err := handoff.Read(dir.Path); err == nil {
		p.moved = h
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return p, nil
}

// A way is how a unit may have been made: what the compiler saw, and what variables named. They are two where the wrapper
// compiled it in a view.
type way struct{ at, env *site }

// of returns the ways in which a unit may have been made, the likeliest first. The warehouse does not know whether what it
// gave was compiled in a view; the wrapper knows it of what it compiled last. So there may be several ways, and if one of
// them gives what is there, that is the one. unsure says why the right one may be missing.
func (p *sites) of(u *builddir.Unit) (ways []way, unsure string) {
	add := func(at, env *site) {
		if w := (way{at, env}); at != nil && env != nil && !slices.Contains(ways, w) {
			ways = append(ways, w)
		}
	}
	var seen *site
	if !u.Run && u.SeenAs.Root != "" {
		seen = p.at(u.SeenAs.Root, u.SeenAs.Build)
		add(seen, p.here)
	}
	if key := p.servedBy(u); key != "" {
		dir, outDir, outEnv, ok := p.o.MadeAt(key)
		if build, cut := strings.CutSuffix(outDir, "/"+filepath.Dir(u.SourceListFile)); ok && cut {
			made := p.at(p.rootOf(build, dir), build)
			env := p.ofOutDir(u, outEnv)
			if env == nil {
				env = made
			}
			add(made, env)
			add(seen, env)
		} else {
			unsure = "the record that it was taken from is not in the warehouse any more: nothing tells where it was compiled"
		}
	}
	at := p.named(u)
	if add(at, at); len(ways) == 0 {
		unsure = "nothing tells in which checkout it was made"
	}
	return ways, unsure
}

// named is the site whose build directory a unit's files name; nil if it is not known of which checkout that was.
func (p *sites) named(u *builddir.Unit) *site {
	n := p.units.OriginOf(u)
	if n == 0 {
		return p.here
	}
	origin := &p.units.Origins[n]
	build := ""
	for _, name := range origin.Names {
		if name.Root == rooted.Build {
			build = string(name.Text)
		}
	}
	root := p.rootOf(build, origin.WorkDir())
	if root == "" {
		return nil
	}
	return p.at(root, build)
}

// ofOutDir is the site at which OUT_DIR of a unit was called so; nil where nothing tells.
func (p *sites) ofOutDir(u *builddir.Unit, called string) *site {
	for _, d := range u.Deps {
		if d == nil || !d.Run || d.Package != u.Package {
			continue
		}
		_, outDir, _ := d.Dir.ScriptFiles()
		if build, ok := strings.CutSuffix(called, "/"+outDir); ok {
			if root := p.rootOf(build, ""); root != "" {
				return p.at(root, build)
			}
		}
	}
	return nil
}

// servedBy is the key of the record, of this unit's outputs, that the wrapper noted; "" where it was not on.
func (p *sites) servedBy(u *builddir.Unit) string {
	if u.Run || u.SourceListFile == "" {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(p.o.Clone, u.SourceListFile))
	if err != nil {
		return ""
	}
	t, err := rustc.ParseTrailer(string(text))
	if err != nil {
		return ""
	}
	return t.Key
}

// rootOf is the workspace root that a build directory was that of; dir is the working directory of some compilation
// there, or another guess.
func (p *sites) rootOf(build, dir string) string {
	if build == p.here.build {
		return p.here.root
	}
	if p.moved != nil {
		if o, ok := p.moved.OriginAt(build); ok {
			return o.Root
		}
	}
	ws := p.o.Checkout.Workspace
	if rel, inside := paths.Under(ws.BuildDir, ws.Root); inside && rel != "" {
		if root, ok := strings.CutSuffix(build, "/"+rel); ok {
			return root
		}
	}
	if ws.Immutable(dir + "/x") {
		return ""
	}
	return dir
}

// at returns the site with these names, and adds it where it is new.
func (p *sites) at(root, build string) *site {
	for _, q := range p.all {
		if q.root == root && q.build == build {
			return q
		}
	}
	q := &site{root: root, build: build, top: root}
	// A workspace inside of a checkout has the same checkout around it everywhere.
	if rel, inside := paths.Under(p.here.root, p.here.top); inside && rel != "" {
		if top, ok := strings.CutSuffix(root, "/"+rel); ok {
			q.top = top
		}
	}
	p.all = append(p.all, q)
	return q
}

// seen is where the build directory is seen in a view of a site, without symbolic links.
func (p *sites) seen(at *site) string {
	if rel, inside := paths.Under(p.real, p.here.top); inside {
		return at.top + "/" + rel
	}
	if at.build == p.here.build {
		return p.real
	}
	return at.build
}

// neutral returns a text that is the same wherever its checkout is: here, and where a unit was made.
func (p *sites) neutral(text string, made way) string {
	type name struct{ text, stands string }
	var names []name
	for _, q := range []*site{p.here, made.at, made.env} {
		names = append(names, name{q.build, "<build>"}, name{q.root, "<root>"})
	}
	slices.SortStableFunc(names, func(a, b name) int { return cmp.Compare(len(b.text), len(a.text)) })
	for _, n := range names {
		text = strings.ReplaceAll(text, n.text, n.stands)
	}
	return text
}
