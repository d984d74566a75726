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

// StampedFiles are the files by whose times Cargo tells whether u is fresh.
func (u *Unit) StampedFiles() (files []paths.Path) {
	for _, o := range u.Outputs {
		files = append(files, paths.Path(o.Path))
	}
	if u.depFile != "" {
		files = append(files, paths.Path(u.depFile))
	}
	return files
}

// Mutable reports whether the unit's sources can change: all but those that Cargo holds
// for unchanging, what nobody knows of among them.
func (u *Unit) Mutable() bool { return u.Source != SourceRegistry && u.Source != SourceGit }

// NewestOutput is the time Cargo compares: of the metadata alone where that is
// all a dependent needs, else the latest of all outputs but debug information.
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

// NeedsMetadataOnly: a library that depends on a library is compiled against
// its metadata, unless it is linked itself (cargo 1.95, build_runner/mod.rs:
// only_requires_rmeta).
func (u *Unit) NeedsMetadataOnly(d *Unit) bool {
	linked := slices.ContainsFunc(u.Outputs, func(o Output) bool { return filepath.Ext(o.Path) == ".so" || filepath.Ext(o.Path) == ".a" })
	return u.Kind == "lib" && !u.Test && !linked && d.Kind == "lib" && !d.Test
}

// LinkedUnits are u and all that is linked into it: no macro, no build script, and
// nothing that those are made of.
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

// LinkedRuns are the runs of scripts that u and what is linked into it depend on.
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

// Links reports whether a linker has written what u is, and bundles whether rustc has
// put the static libraries that u asks for into it.
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

// Overridden reports whether a table of Cargo's configuration has taken the place of a
// script's run: there is no program then, nothing was printed, and the hash of the
// table is all there is (cargo 1.95, fingerprint/mod.rs:
// build_script_override_fingerprint).
func (u *Unit) Overridden() bool {
	return u.Run && u.Fingerprint != nil && len(u.Fingerprint.Deps) == 0 && len(u.Fingerprint.Local) == 1 &&
		u.Fingerprint.Local[0].Kind == fingerprint.Precalculated && strings.HasPrefix(u.Fingerprint.Local[0].Text, "overridden build state")
}

// RegistryVersion is the version of a registry package, "" of any other.
func (u *Unit) RegistryVersion() string {
	version, ok := strings.CutPrefix(path.Base(u.From), u.Pkg+"-")
	if !ok || u.Source != SourceRegistry {
		return ""
	}
	return version
}

// Stamp identifies one writing of a file.
type Stamp struct {
	Mtime int64
	ino   uint64
}

// Where the sources of a unit come from.
const (
	SourcePath     = "path"     // they can change
	SourceVendored = "vendored" // a directory source: a copy that can change
	SourceRegistry = "registry" // below CARGO_HOME, which Cargo treats as immutable
	SourceGit      = "git"
	SourceUnknown  = "unknown"
)

// Unit is one unit as it lies in a build directory.
type Unit struct {
	UnitDir
	UnitName
	Key    string // UnitDir.record + "/" + file: unique in the build directory
	File   string // name of the hash file: lib-liba
	Run    bool   // the run of a build script
	Doc    bool
	Source string
	From   string // directory below CARGO_HOME that holds its package; "" unless immutable
	Cost   int64  // what building it took, in ms of wall-clock time

	Fingerprint    *fingerprint.Fingerprint // as it was read
	Hash           uint64
	HashKnown      bool
	Outputs        []Output
	depFile        string // dep-<file>, relative to the build directory; "" when there is none
	Started        int64  // its mtime: when rustc started; of a run, when the script started
	DepInfo        *depinfo.Info
	SourceList     *depfile.File
	SourceListFile string
	SeenAs         handoff.State // where rustc saw the checkout, if the wrapper showed it elsewhere
	Broken         *rule.Reason  // why it cannot be trusted at all
	Stamp          Stamp         // of the hash file
	Needs          []need        // what it was built from

	// Of a unit that is taken from an earlier inspection: it has no print, info
	// and rustc.
	Cached        bool
	timed         bool   // its outputs have been looked up
	line          string // of the recall
	CachedOutputs string // of that line: the outputs

	Deps       []*Unit // in the order of needs; nil where no unit has that hash
	Dependents []*Unit
}

// A need is a dependency as a unit records it.
type need struct {
	Name string
	Hash uint64
}

// Irreproducible reports whether the unit's hash, where it has one, is not what its
// fingerprint gives: then this version of Cargo has a way of its own.
func (u *Unit) Irreproducible() bool {
	return u.HashKnown && (u.Fingerprint == nil || !u.Fingerprint.Reproducible() || u.Fingerprint.Hash() != u.Hash)
}

func (u *Unit) breaks(why rule.Rule, detail string) {
	if u.Broken == nil {
		u.Broken = &rule.Reason{Rule: why, Detail: detail}
	}
}

// isProcMacro tells a procedural macro from other libraries: a shared object
// with an id in its name and nothing else that could be linked.
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

// Classify decides where the unit's sources come from, by the crate root that
// rustc names first. The run of a script gets the class of its program later.
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

// inheritSource gives the run of a script the source of the script.
func (u *Unit) inheritSource() {
	u.Source = SourceUnknown
	if u.Doc {
		return
	}
	for _, d := range u.Deps {
		if d != nil && d.Kind == KindScript && d.Pkg == u.Pkg {
			u.Source, u.From = d.Source, d.From
			return
		}
	}
}
