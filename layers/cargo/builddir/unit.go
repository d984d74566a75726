package builddir

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depinfo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Unit is one unit as it lies in a build directory.
type Unit struct {
	UnitName
	Dir    UnitDir
	Key    string // Dir.Record + "/" + File: unique in the build directory
	File   string // name of the hash file: lib-liba
	Run    bool   // the run of a build script
	Doc    bool   // made by rustdoc
	Source string // SourcePath, ...
	From   string // directory of its package, relative to CARGO_HOME; "" unless immutable
	Cost   int64  // what building it took, in ms of wall-clock time; 0 where nothing tells

	Fingerprint    *fingerprint.Fingerprint // as Cargo has written it; nil if unreadable or Cached
	Hash           uint64                   // as Cargo has recorded it; see HashKnown
	HashKnown      bool                     // false where the last build was not finished
	Outputs        []Output                 // of a Cached unit only after LoadTimes
	depFile        string                   // dep-<file>, relative to the build directory; "" when there is none
	Started        int64                    // its mtime, in ns: when rustc started; of a run, when the script started
	DepInfo        *depinfo.Info            // Cargo's list of its inputs
	SourceList     *depfile.File            // rustc's list of its sources
	SourceListFile string                   // where that lies, relative to the build directory
	SeenAs         handoff.State            // where rustc saw the checkout, if the wrapper showed it elsewhere
	Broken         *rule.Reason             // why it cannot be trusted at all; nil if it can
	stamp          stamp                    // of the hash file
	Needs          []Need                   // the dependencies it was built with

	// Cached: it was taken from the unit cache, and has no Fingerprint, DepInfo and
	// SourceList; see Reload.
	Cached        bool
	emptyMetadata string // a .rmeta that may be meant to be so: link decides
	timed         bool   // its outputs have been looked up
	line          string // of the unit cache
	cachedOutputs string // the last fields of that line: its outputs

	Deps       []*Unit // in the order of Needs; nil where no unit has that hash
	Dependents []*Unit // the units that have it in Deps
}

// Values of Unit.Source: where the sources of a unit come from.
const (
	SourcePath     = "path"     // they can change
	SourceVendored = "vendored" // a directory source: a copy that can change
	SourceRegistry = "registry" // below CARGO_HOME, which Cargo treats as immutable
	SourceGit      = "git"      // below CARGO_HOME, like a registry's
	SourceUnknown  = "unknown"  // nothing tells
)

// Need is a dependency as a unit records it.
type Need struct {
	Name string // of the crate, as the dependent calls it
	Hash uint64 // of the unit it was built with
}

// stamp tells one version of a file from another without reading it.
type stamp struct {
	mtime int64 // ns
	ino   uint64
}

// StampedFiles lists the files by whose times Cargo tells whether u is fresh.
func (u *Unit) StampedFiles() (files []paths.Path) {
	for _, o := range u.Outputs {
		files = append(files, paths.Path(o.Path))
	}
	if u.depFile != "" {
		files = append(files, paths.Path(u.depFile))
	}
	return files
}

// Mutable reports whether the unit's sources can change. Cargo holds only those from
// registries and git for immutable; sources of unknown origin count as mutable.
func (u *Unit) Mutable() bool { return u.Source != SourceRegistry && u.Source != SourceGit }

// NewestOutput returns the modification time, in ns, that Cargo compares with that of
// dependents: with metadata, which is all that some dependents need, that of the .rmeta
// file alone; else the latest of all outputs, debug information excepted.
func (u *Unit) NewestOutput(metadata bool) int64 {
	newest := int64(0)
	for _, o := range u.Outputs {
		switch ext := filepath.Ext(o.Path); {
		case metadata && ext == ".rmeta":
			return o.mtime
		case ext == ".dwp", ext == ".dwo", ext == ".o", ext == ".pdb":
		default:
			newest = max(newest, o.mtime)
		}
	}
	return newest
}

// NeedsMetadataOnly reports whether u is compiled against the metadata of its dependency
// d alone: so is a library that depends on a library, unless it is linked itself (cargo
// 1.95, build_runner/mod.rs:only_requires_rmeta).
func (u *Unit) NeedsMetadataOnly(d *Unit) bool {
	linked := slices.ContainsFunc(u.Outputs, func(o Output) bool { return filepath.Ext(o.Path) == ".so" || filepath.Ext(o.Path) == ".a" })
	return u.Kind == "lib" && !u.Test && !linked && d.Kind == "lib" && !d.Test
}

// LinkedUnits lists u and all units that are linked into it: macros and build scripts,
// and what those are made of, are not.
func (u *Unit) LinkedUnits() []*Unit {
	var list []*Unit
	seen := map[*Unit]bool{}
	var visit func(u *Unit)
	visit = func(u *Unit) {
		seen[u] = true
		list = append(list, u)
		for _, d := range u.Deps {
			if d != nil && !seen[d] && !d.Run && d.Kind != KindMacro && d.Kind != KindScript {
				visit(d)
			}
		}
	}
	visit(u)
	return list
}

// LinkedRuns lists the runs of build scripts that u, or a unit that is linked into it,
// depends on.
func (u *Unit) LinkedRuns() []*Unit {
	var runs []*Unit
	for _, l := range u.LinkedUnits() {
		for _, d := range l.Deps {
			if d != nil && d.Run && !slices.Contains(runs, d) {
				runs = append(runs, d)
			}
		}
	}
	return runs
}

// Links reports whether a linker has written an output of u, and bundles whether rustc
// has put into it the static libraries that u asks for.
func (u *Unit) Links() (links, bundles bool) {
	for _, o := range u.Outputs {
		switch filepath.Ext(o.Path) {
		case ".rlib":
			bundles = true
		case ".rmeta", ".d", ".o", ".dwo", ".dwp", ".pdb":
		default:
			links = true
		}
	}
	return links && !u.Run && !u.Doc, bundles
}

// Overridden reports whether a table of Cargo's configuration stands in for the run of a
// build script: then there is no program and no output, only the hash of that table
// (cargo 1.95, fingerprint/mod.rs:build_script_override_fingerprint).
func (u *Unit) Overridden() bool {
	return u.Run && u.Fingerprint != nil && len(u.Fingerprint.Deps) == 0 && len(u.Fingerprint.Local) == 1 &&
		u.Fingerprint.Local[0].Kind == fingerprint.Precalculated && strings.HasPrefix(u.Fingerprint.Local[0].Text, "overridden build state")
}

// RegistryVersion is the version of a registry package, "" of any other.
func (u *Unit) RegistryVersion() string {
	version, ok := strings.CutPrefix(path.Base(u.From), u.Package+"-")
	if !ok || u.Source != SourceRegistry {
		return ""
	}
	return version
}

// Irreproducible reports whether the unit's hash, where it has one, is not what its
// fingerprint gives: then this version of Cargo has a way of its own.
func (u *Unit) Irreproducible() bool {
	return u.HashKnown && (u.Fingerprint == nil || !u.Fingerprint.Reproducible() || u.Fingerprint.Hash() != u.Hash)
}

func (u *Unit) breaks(why rule.Rule, detail string) {
	if u.Broken == nil {
		u.Broken = rule.Because(why, detail)
	}
}

// lost: an output that a compiler wrote is empty.
func (u *Unit) lost(output string) {
	u.breaks(rule.InDoubt, output+" is empty: the disk has lost what a compiler wrote")
}

// isProcMacro reports whether a library with these outputs is one of procedural macros:
// a shared object, and nothing else that could be linked.
func isProcMacro(files []Output) bool {
	so := false
	for _, f := range files {
		switch filepath.Ext(f.Path) {
		case ".so", ".dylib", ".dll":
			so = true
		case ".rlib", ".a":
			return false
		}
	}
	return so
}

// Classify sets Source and From by the crate root, which rustc names first. The run of a
// script has none: Scan gives it those of its program.
func (u *Unit) Classify(cargoHome string) {
	u.Source = SourceUnknown
	if u.Run || u.Doc || u.SourceList == nil || len(u.SourceList.Deps) == 0 {
		return
	}
	root := u.SourceList.Root()
	if rel, ok := paths.Under(root, cargoHome+"/registry/src"); ok {
		u.Source, u.From = SourceRegistry, "registry/src/"+firstParts(rel, 2)
		return
	}
	if rel, ok := paths.Under(root, cargoHome+"/git/checkouts"); ok {
		u.Source, u.From = SourceGit, "git/checkouts/"+firstParts(rel, 2)
		return
	}
	u.Source = SourcePath
	// Cargo leaves the files of a package out of the unit's record only where
	// it holds them immutable (dep_info.rs:translate_dep_info). Absolute ones are
	// what a restore has put there.
	if u.DepInfo != nil && filepath.IsAbs(root) && !slices.ContainsFunc(u.DepInfo.Files, func(f depinfo.File) bool {
		return f.Kind == depinfo.PackageRoot
	}) {
		u.Source = SourceVendored
	}
}

// firstParts returns the first n elements of a path.
func firstParts(path string, n int) string {
	for i := range path {
		if path[i] == '/' {
			if n--; n == 0 {
				return path[:i]
			}
		}
	}
	return path
}

// inheritSource gives the run of a script the Source and From of the script.
func (u *Unit) inheritSource() {
	u.Source = SourceUnknown
	if u.Doc {
		return
	}
	for _, d := range u.Deps {
		if d != nil && d.Kind == KindScript && d.Package == u.Package {
			u.Source, u.From = d.Source, d.From
			return
		}
	}
}
