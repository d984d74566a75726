package checkout

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Attribution says of the units in a build directory where they were built: in which
// checkout, and from which of its packages.
type Attribution struct {
	Checkout *Checkout // that the build directory belongs to now
	dir      string    // the build directory
	// Origins are the checkouts that units were built in; the first one is Checkout.
	// OriginOf adds to them.
	Origins []Origin
}

// NewAttribution returns one for the units in dir, a build directory of co.
func NewAttribution(co *Checkout, dir string) *Attribution {
	return &Attribution{Checkout: co, dir: dir, Origins: []Origin{*OriginOf(co)}}
}

// Resolve returns the absolute form of a name that rustc wrote. Its working directory is
// the workspace root for every package inside (cargo 1.95, workspace.rs:path_args).
func (a *Attribution) Resolve(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return a.Checkout.Workspace.Root + "/" + name
}

// OriginOf returns the index in Origins of the checkout that u was built in. It is found
// by the name that the build directory had then, and added where it is new.
func (a *Attribution) OriginOf(u *builddir.Unit) int {
	buildDir := a.calledBuildDir(u)
	if buildDir == "" {
		return 0
	}
	for i := range a.Origins {
		if slices.Contains(a.Origins[i].Names, Name{rooted.Build, paths.Path(buildDir)}) {
			return i
		}
	}
	ws := a.Checkout.Workspace
	rel, inside := paths.Under(ws.BuildDir, ws.Root)
	root, ok := strings.CutSuffix(buildDir, "/"+rel)
	if sameDir(buildDir, ws.BuildDir) {
		o := &a.Origins[0]
		o.add(rooted.Build, buildDir)
		if inside && ok && sameDir(root, ws.Root) {
			o.add(rooted.Workspace, root)
		}
		return 0
	}
	// The directory was moved or copied here by other means.
	o := Origin{}
	o.add(rooted.Build, buildDir)
	if inside && ok {
		o.add(rooted.Workspace, root)
	}
	a.Origins = append(a.Origins, o)
	return len(a.Origins) - 1
}

// calledBuildDir returns the absolute name that the build directory had when u was built,
// "" if nothing says it. rustc's list of sources begins with the name of what it wrote.
func (a *Attribution) calledBuildDir(u *builddir.Unit) string {
	if u.Run {
		_, outDir, root := u.Dir.ScriptFiles()
		text, err := regular.Read(filepath.Join(a.dir, root))
		if err != nil {
			return ""
		}
		called, _ := strings.CutSuffix(string(text), "/"+outDir)
		return called
	}
	if u.SourceList == nil {
		return ""
	}
	for _, t := range u.SourceList.Targets {
		for _, o := range append([]builddir.Output{{Path: u.SourceListFile}}, u.Outputs...) {
			if called, ok := strings.CutSuffix(t, "/"+o.Path); ok {
				return called
			}
		}
	}
	return ""
}

// PackageOf returns the path or vendored package that a unit belongs to, nil for any
// other.
func (a *Attribution) PackageOf(u *builddir.Unit) *project.Package {
	if u.Run {
		for _, d := range u.Deps {
			if d != nil && d.Kind == builddir.KindScript && d.Package == u.Package {
				return a.PackageOf(d)
			}
		}
		return nil
	}
	if !u.Mutable() || u.SourceList == nil || len(u.SourceList.Deps) == 0 {
		return nil
	}
	root := a.Resolve(u.SourceList.Root())
	if real, err := filepath.EvalSymlinks(filepath.Dir(root)); err == nil {
		if p := a.Checkout.Workspace.PackageOf(real); p != nil && p.Name == u.Package {
			return p
		}
	}
	if p := a.Checkout.Workspace.PackageOf(root); p != nil && p.Name == u.Package {
		return p
	}
	if u.Source != builddir.SourceVendored {
		return nil
	}
	for dir := filepath.Dir(root); len(dir) > 1; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Cargo.toml")); err == nil {
			return &project.Package{Name: u.Package, Root: dir}
		}
	}
	return nil
}

// HomeOf returns where a package of the checkout lies.
func (a *Attribution) HomeOf(pkg *project.Package) rooted.Path {
	loc, _ := a.Origins[0].Locate(pkg.Root)
	return loc
}

// IndexOf returns the index of o in Origins, and adds it where it is new.
func (a *Attribution) IndexOf(o Origin) int {
	for i, have := range a.Origins {
		if have.Git == o.Git && have.Clean == o.Clean && have.Ino == o.Ino && slices.Equal(have.Names, o.Names) {
			return i
		}
	}
	a.Origins = append(a.Origins, o)
	return len(a.Origins) - 1
}
