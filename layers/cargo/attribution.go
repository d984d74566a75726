package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// attribution tells of the units in a build directory where they were built: in which
// checkout, and from which of its packages.
type attribution struct {
	place *Place
	dir   string // the build directory
	// origins are the checkouts that units were built in, the place itself the first.
	// They are added to as units are found that name another.
	origins []Origin
}

// newAttribution tells of the units in dir, a build directory of the place's.
func newAttribution(p *Place, dir string) *attribution {
	return &attribution{place: p, dir: dir, origins: []Origin{*newOrigin(p)}}
}

// absolute resolves a name that rustc wrote: its working directory is the
// workspace root for every package inside (cargo 1.95, workspace.rs:path_args).
func (a *attribution) absolute(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return a.place.Workspace.Root + "/" + name
}

// originOf finds the checkout u was built in: rustc's list of sources begins
// with the name of what it wrote.
func (a *attribution) originOf(u *built) int {
	buildDir := a.calledBuildDir(u)
	if buildDir == "" {
		return 0
	}
	for i := range a.origins {
		if slices.Contains(a.origins[i].Names, Name{BaseBuild, Path(buildDir)}) {
			return i
		}
	}
	ws := a.place.Workspace
	rel, inside := paths.Under(ws.BuildDir, ws.Root)
	root, ok := strings.CutSuffix(buildDir, "/"+rel)
	if sameDir(buildDir, ws.BuildDir) {
		o := &a.origins[0]
		o.add(BaseBuild, buildDir)
		if inside && ok && sameDir(root, ws.Root) {
			o.add(BaseRoot, root)
		}
		return 0
	}
	// The directory was moved or copied here by other means.
	o := Origin{}
	o.add(BaseBuild, buildDir)
	if inside && ok {
		o.add(BaseRoot, root)
	}
	a.origins = append(a.origins, o)
	return len(a.origins) - 1
}

// calledBuildDir returns the build directory as it was called when u was built.
func (a *attribution) calledBuildDir(u *built) string {
	if u.run {
		_, outDir, root := u.script()
		text, err := os.ReadFile(filepath.Join(a.dir, root))
		if err != nil {
			return ""
		}
		called, _ := strings.CutSuffix(string(text), "/"+outDir)
		return called
	}
	if u.rustc == nil {
		return ""
	}
	for _, t := range u.rustc.Targets {
		for _, o := range append([]outputFile{{path: u.dFile}}, u.outputs...) {
			if called, ok := strings.CutSuffix(t, "/"+o.path); ok {
				return called
			}
		}
	}
	return ""
}

// packageOf returns the path package a unit belongs to.
func (a *attribution) packageOf(u *built) *Package {
	if u.run {
		for _, d := range u.deps {
			if d != nil && d.Kind == kindScript && d.pkg == u.pkg {
				return a.packageOf(d)
			}
		}
		return nil
	}
	if !u.mutable() || u.rustc == nil || len(u.rustc.Deps) == 0 {
		return nil
	}
	root := a.absolute(u.rustc.Root())
	if real, err := filepath.EvalSymlinks(filepath.Dir(root)); err == nil {
		if p := a.place.Workspace.packageOf(real); p != nil && p.Name == u.pkg {
			return p
		}
	}
	if p := a.place.Workspace.packageOf(root); p != nil && p.Name == u.pkg {
		return p
	}
	if u.source != SourceVendored {
		return nil
	}
	for dir := filepath.Dir(root); len(dir) > 1; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err == nil {
			return &Package{Name: u.pkg, Root: dir}
		}
	}
	return nil
}

// home is where a package of the place lies.
func (a *attribution) home(pkg *Package) Loc {
	loc, _ := a.origins[0].locate(pkg.Root)
	return loc
}

// index returns the index of an origin, adding it if it is new.
func (a *attribution) index(o Origin) int {
	for i, have := range a.origins {
		if have.Git == o.Git && have.Clean == o.Clean && have.Ino == o.Ino && slices.Equal(have.Names, o.Names) {
			return i
		}
	}
	a.origins = append(a.origins, o)
	return len(a.origins) - 1
}
