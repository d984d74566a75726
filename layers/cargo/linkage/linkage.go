// Package linkage puts together what a linker was told when a unit was built. Cargo keeps no command
// lines: flags come from configuration, from the unit's fingerprint, and from what scripts have
// printed. A Reader remembers what it has read, and is for one goroutine.
package linkage

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// CommandLine is what rustc and a linker are told about linking when a unit is built. It
// may be more than they really were: what a script says goes to some units of its
// package, and to some of their dependents (cargo 1.95, core/compiler/mod.rs:
// add_native_deps); here all of it goes to all of them.
type CommandLine struct {
	Base string // where relative names begin: rustc's working directory
	// Flags are those of configuration and environment. A path in one of them is the
	// same wherever cargo is called.
	Flags linking.Flags
	// Scripts is what the build scripts have said, of the unit's package and of all that
	// is linked into it.
	Scripts linking.Flags
	Own     []linking.Library // those that the script of the unit's own package asks for
	Runs    []*builddir.Unit  // the runs of scripts that hand arguments on to a linker
}

// Reader puts together command lines for the units of one build directory.
type Reader struct {
	checkout    *checkout.Checkout
	dir         string                            // the build directory
	scriptFlags map[*builddir.Unit]*linking.Flags // by runs of scripts
}

// NewReader returns a Reader for the units in dir, a build directory of co.
func NewReader(co *checkout.Checkout, dir string) *Reader {
	return &Reader{checkout: co, dir: dir, scriptFlags: map[*builddir.Unit]*linking.Flags{}}
}

// Of returns the command line of a unit; pkg is its package, nil for one from an
// immutable source.
func (r *Reader) Of(u *builddir.Unit, pkg *project.Package) *CommandLine {
	root := r.checkout.Workspace.Root
	cl := &CommandLine{Base: root}
	switch {
	case !u.Mutable():
		cl.Base = r.checkout.Workspace.CargoHome + "/" + u.From
	case pkg != nil:
		if _, inside := paths.Under(pkg.Root, root); !inside || u.Source == builddir.SourceVendored {
			cl.Base = pkg.Root
		}
	}
	if u.Fingerprint != nil {
		cl.Flags.Read(depset.WithArgumentFiles(r.checkout.Workspace, u.Fingerprint.Rustflags))
	}
	cl.Flags.Read(r.checkout.LinkFlags)
	for _, run := range u.LinkedRuns() {
		said := r.scriptFlagsOf(run)
		cl.Scripts.Dirs = append(cl.Scripts.Dirs, said.Dirs...)
		cl.Scripts.Libraries = append(cl.Scripts.Libraries, said.Libraries...)
		cl.Scripts.Values = append(cl.Scripts.Values, said.Values...)
		if run.Package == u.Package {
			cl.Own = append(cl.Own, said.Libraries...)
		}
		if len(said.Values) > 0 {
			cl.Runs = append(cl.Runs, run)
		}
	}
	return cl
}

// scriptFlagsOf returns what the run of a script has said about linking, with the present
// name of its output directory.
func (r *Reader) scriptFlagsOf(run *builddir.Unit) *linking.Flags {
	if said := r.scriptFlags[run]; said != nil {
		return said
	}
	said := new(linking.Flags)
	r.scriptFlags[run] = said
	output, outDir, root := run.Dir.ScriptFiles()
	raw, err := regular.Read(filepath.Join(r.dir, output))
	if err != nil {
		return said // the run is in doubt itself
	}
	called, _ := regular.Read(filepath.Join(r.dir, root))
	for _, l := range script.Parse(raw) {
		if !l.Directive {
			continue
		}
		value := l.Value
		if len(called) > 0 {
			value = strings.ReplaceAll(value, string(called), filepath.Join(r.dir, outDir))
		}
		switch {
		case l.Key == "rustc-link-search":
			said.Read([]string{"-L", value})
		case l.Key == "rustc-link-lib":
			said.Read([]string{"-l", value})
		case l.Key == "rustc-flags":
			said.Read(strings.Fields(value))
		case strings.Contains(l.Key, "link-arg"):
			said.Values = append(said.Values, value)
		}
	}
	return said
}

// MayLink reports whether something that can change may have been linked into a unit of
// an immutable package.
func (r *Reader) MayLink(u *builddir.Unit) bool {
	links, bundles := u.Links()
	if u.Broken != nil || u.Cached || !links && !bundles {
		return false
	}
	cl := r.Of(u, nil)
	return links && len(cl.Flags.Values)+len(cl.Scripts.Values) > 0 ||
		slices.ContainsFunc(slices.Concat(cl.Flags.Dirs, cl.Scripts.Dirs), func(dir string) bool { return r.IsLoose(cl.abs(dir)) })
}

func (cl *CommandLine) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return cl.Base + "/" + path
}

// systems hold what a distribution or a package manager has installed.
var systems = []string{"/usr", "/lib", "/lib64", "/nix/store", "/gnu/store"}

// IsLoose reports whether what lies at a path can change without anyone noticing: it
// belongs neither to the build directory, which is restored as a whole, nor to Cargo's
// home, nor to the system.
func (r *Reader) IsLoose(path string) bool {
	ws := r.checkout.Workspace
	path = filepath.Clean(path)
	if _, built := paths.Under(path, ws.BuildDir); built || ws.Immutable(path) {
		return false
	}
	return !slices.ContainsFunc(systems, func(dir string) bool { _, in := paths.Under(path, dir); return in })
}
