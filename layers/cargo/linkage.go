package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
	"github.com/cargo-cow/cargo-cow/layers/cargo/script"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// linkage is what rustc and a linker are told about linking when a unit is built.
// Cargo keeps no command lines. It is put together from what they are made of, and may
// be more: what a script says goes to some units of its package, and to some above it
// (cargo 1.95, core/compiler/mod.rs: add_native_deps); here all of it goes to all of
// them.
type linkage struct {
	base string // where relative names begin: rustc's working directory
	// flags are those of configuration and environment: where one of them names a
	// path, it is the same wherever cargo is called.
	flags linking.Flags
	// scripts is what the scripts have said, of the unit's package and of all that it
	// stands on.
	scripts linking.Flags
	own     []linking.Library // that the package's own script asks for
	runs    []*built          // that hand arguments on to a linker
}

// linkReader puts linkages together for the units of one build directory.
type linkReader struct {
	place *Place
	dir   string                    // the build directory
	said  map[*built]*linking.Flags // by runs of scripts
}

// newLinkReader reads of the units in dir, the place's build directory. It is for one
// goroutine.
func newLinkReader(p *Place, dir string) *linkReader {
	return &linkReader{place: p, dir: dir, said: map[*built]*linking.Flags{}}
}

// linkage puts together what is known of a unit's command line.
func (r *linkReader) linkage(u *built, pkg *Package) *linkage {
	root := r.place.Workspace.Root
	k := &linkage{base: root}
	switch {
	case !u.mutable():
		k.base = r.place.Workspace.CargoHome + "/" + u.from
	case pkg != nil:
		if _, inside := paths.Under(pkg.Root, root); !inside || u.source == SourceVendored {
			k.base = pkg.Root
		}
	}
	if u.print != nil {
		k.flags.Read(withArgumentFiles(r.place.Workspace, u.print.Rustflags))
	}
	k.flags.Read(r.place.LinkFlags)
	for _, run := range u.linkedRuns() {
		said := r.saidOf(run)
		k.scripts.Dirs = append(k.scripts.Dirs, said.Dirs...)
		k.scripts.Libraries = append(k.scripts.Libraries, said.Libraries...)
		k.scripts.Values = append(k.scripts.Values, said.Values...)
		if run.pkg == u.pkg {
			k.own = append(k.own, said.Libraries...)
		}
		if len(said.Values) > 0 {
			k.runs = append(k.runs, run)
		}
	}
	return k
}

// linkedUnits are u and all that is linked into it: no macro, no build script, and
// nothing that those are made of.
func (u *built) linkedUnits() []*built {
	var list []*built
	seen := map[*built]bool{}
	var visit func(u *built)
	visit = func(u *built) {
		seen[u] = true
		list = append(list, u)
		for _, d := range u.deps {
			if d != nil && !seen[d] && !d.run && d.Kind != kindMacro && d.Kind != kindScript {
				visit(d)
			}
		}
	}
	visit(u)
	return list
}

// linkedRuns are the runs of scripts that u and what is linked into it depend on.
func (u *built) linkedRuns() []*built {
	var runs []*built
	for _, l := range u.linkedUnits() {
		for _, d := range l.deps {
			if d != nil && d.run && !slices.Contains(runs, d) {
				runs = append(runs, d)
			}
		}
	}
	return runs
}

// saidOf is what the run of a script has said about linking, with the name of its
// output directory as it is now.
func (r *linkReader) saidOf(run *built) *linking.Flags {
	if said := r.said[run]; said != nil {
		return said
	}
	said := new(linking.Flags)
	r.said[run] = said
	output, outDir, root := run.script()
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

// links reports whether a linker has written what u is, and bundles whether rustc has
// put the static libraries that u asks for into it.
func (u *built) links() (links, bundles bool) {
	for _, o := range u.outputs {
		switch filepath.Ext(o.path) {
		case ".rlib":
			bundles = true
		case ".rmeta", ".d", ".o", ".dwo", ".dwp", ".pdb":
		default:
			links = true
		}
	}
	return links && !u.run && !u.doc, bundles
}

// overridden reports whether a table of Cargo's configuration has taken the place of a
// script's run: there is no program then, nothing was printed, and the hash of the
// table is all there is (cargo 1.95, fingerprint/mod.rs:
// build_script_override_fingerprint).
func (u *built) overridden() bool {
	return u.run && u.print != nil && len(u.print.Deps) == 0 && len(u.print.Local) == 1 &&
		u.print.Local[0].Kind == fingerprint.Precalculated && strings.HasPrefix(u.print.Local[0].Text, "overridden build state")
}

// mayLink reports whether a unit of an immutable package may have taken up something
// that is not as immutable.
func (r *linkReader) mayLink(u *built) bool {
	links, bundles := u.links()
	if u.broken != nil || u.recalled || !links && !bundles {
		return false
	}
	k := r.linkage(u, nil)
	return links && len(k.flags.Values)+len(k.scripts.Values) > 0 ||
		slices.ContainsFunc(slices.Concat(k.flags.Dirs, k.scripts.Dirs), func(dir string) bool { return r.isLoose(k.abs(dir)) })
}

func (k *linkage) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return k.base + "/" + path
}

// systems hold what a distribution or a package manager has installed.
var systems = []string{"/usr", "/lib", "/lib64", "/nix/store", "/gnu/store"}

// isLoose reports whether what lies at a path can differ unseen: it belongs neither to
// the build directory, which moves along, nor to Cargo's home, nor to the system.
func (r *linkReader) isLoose(path string) bool {
	ws := r.place.Workspace
	path = filepath.Clean(path)
	if _, built := paths.Under(path, ws.BuildDir); built || ws.immutable(path) {
		return false
	}
	return !slices.ContainsFunc(systems, func(dir string) bool { _, in := paths.Under(path, dir); return in })
}
