// Package linkage puts together what a linker was told when a unit was built. Cargo keeps no command
// lines: flags come from configuration, from the unit's fingerprint, and from what scripts have
// printed. A Reader remembers what it has read, and is for one goroutine.
package linkage

import (
	"os"
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
)

// CommandLine is what rustc and a linker are told about linking when a unit is built.
// Cargo keeps no command lines. It is put together from what they are made of, and may
// be more: what a script says goes to some units of its package, and to some above it
// (cargo 1.95, core/compiler/mod.rs: add_native_deps); here all of it goes to all of
// them.
type CommandLine struct {
	Base string // where relative names begin: rustc's working directory
	// Flags are those of configuration and environment: where one of them names a
	// path, it is the same wherever cargo is called.
	Flags linking.Flags
	// Scripts is what the scripts have said, of the unit's package and of all that it
	// stands on.
	Scripts linking.Flags
	Own     []linking.Library // that the package's own script asks for
	Runs    []*builddir.Unit  // that hand arguments on to a linker
}

// Reader puts linkages together for the units of one build directory.
type Reader struct {
	checkout    *checkout.Checkout
	dir         string                            // the build directory
	scriptFlags map[*builddir.Unit]*linking.Flags // by runs of scripts
}

// NewReader reads of the units in dir, the place's build directory. It is for one
// goroutine.
func NewReader(co *checkout.Checkout, dir string) *Reader {
	return &Reader{checkout: co, dir: dir, scriptFlags: map[*builddir.Unit]*linking.Flags{}}
}

// Of puts together what is known of a unit's command line.
func (r *Reader) Of(u *builddir.Unit, pkg *project.Package) *CommandLine {
	root := r.checkout.Workspace.Root
	k := &CommandLine{Base: root}
	switch {
	case !u.Mutable():
		k.Base = r.checkout.Workspace.CargoHome + "/" + u.From
	case pkg != nil:
		if _, inside := paths.Under(pkg.Root, root); !inside || u.Source == builddir.SourceVendored {
			k.Base = pkg.Root
		}
	}
	if u.Fingerprint != nil {
		k.Flags.Read(depset.WithArgumentFiles(r.checkout.Workspace, u.Fingerprint.Rustflags))
	}
	k.Flags.Read(r.checkout.LinkFlags)
	for _, run := range u.LinkedRuns() {
		said := r.scriptFlagsOf(run)
		k.Scripts.Dirs = append(k.Scripts.Dirs, said.Dirs...)
		k.Scripts.Libraries = append(k.Scripts.Libraries, said.Libraries...)
		k.Scripts.Values = append(k.Scripts.Values, said.Values...)
		if run.Package == u.Package {
			k.Own = append(k.Own, said.Libraries...)
		}
		if len(said.Values) > 0 {
			k.Runs = append(k.Runs, run)
		}
	}
	return k
}

// scriptFlagsOf is what the run of a script has said about linking, with the name of its
// output directory as it is now.
func (r *Reader) scriptFlagsOf(run *builddir.Unit) *linking.Flags {
	if said := r.scriptFlags[run]; said != nil {
		return said
	}
	said := new(linking.Flags)
	r.scriptFlags[run] = said
	output, outDir, root := run.Dir.ScriptFiles()
	raw, err := os.ReadFile(filepath.Join(r.dir, output))
	if err != nil {
		return said // the run is in doubt itself
	}
	called, _ := os.ReadFile(filepath.Join(r.dir, root))
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

// MayLink reports whether a unit of an immutable package may have taken up something
// that is not as immutable.
func (r *Reader) MayLink(u *builddir.Unit) bool {
	links, bundles := u.Links()
	if u.Broken != nil || u.Cached || !links && !bundles {
		return false
	}
	k := r.Of(u, nil)
	return links && len(k.Flags.Values)+len(k.Scripts.Values) > 0 ||
		slices.ContainsFunc(slices.Concat(k.Flags.Dirs, k.Scripts.Dirs), func(dir string) bool { return r.IsLoose(k.abs(dir)) })
}

func (k *CommandLine) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return k.Base + "/" + path
}

// systems hold what a distribution or a package manager has installed.
var systems = []string{"/usr", "/lib", "/lib64", "/nix/store", "/gnu/store"}

// IsLoose reports whether what lies at a path can differ unseen: it belongs neither to
// the build directory, which moves along, nor to Cargo's home, nor to the system.
func (r *Reader) IsLoose(path string) bool {
	ws := r.checkout.Workspace
	path = filepath.Clean(path)
	if _, built := paths.Under(path, ws.BuildDir); built || ws.Immutable(path) {
		return false
	}
	return !slices.ContainsFunc(systems, func(dir string) bool { _, in := paths.Under(path, dir); return in })
}
