// Package manifest holds what a layer records of itself: every unit that might be wrong in another
// checkout, and what it was built from. Decode checks what it reads: no index points outside of the
// manifest, and no path out of the build directory. A manifest must not be changed by several
// goroutines at once.
package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Format is the version of the manifest's form. A manifest of another
// format is not read: its layer is rebuilt, never guessed at.
const Format = 2

// Manifest says of one build directory what each unit was built from. It lists
// every unit that might be wrong in another checkout, and every unit that depends
// on one; what comes from immutable sources and names no checkout is only
// counted. It lies inside the layer it describes (docs/format.md).
type Manifest struct {
	Format      int                `json:"format"`
	Tool        string             `json:"tool"`
	Fingerprint depset.Fingerprint `json:"fingerprint"`
	// Requested is Workspace.Requested when it was sealed.
	Requested string            `json:"requested,omitempty"`
	Label     string            `json:"label,omitempty"`
	Parent    string            `json:"parent,omitempty"`
	Git       checkout.GitState `json:"git"`
	Dirty     bool              `json:"dirty,omitempty"`
	Layout    string            `json:"layout"`
	Profiles  []string          `json:"profiles"`
	// Origins are the checkouts units were built in; the first one is where
	// the layer was sealed.
	Origins []checkout.Origin `json:"origins"`
	Inputs  []Input           `json:"inputs"`
	Trees   []Tree            `json:"trees"`
	// Facts are single values that are compared with those of a checkout: resolved
	// package metadata, the [env] table, settings files above the workspace.
	Facts     []Fact `json:"facts"`
	Units     []Unit `json:"units"`
	Immutable int    `json:"immutable"` // units that are not listed
	// Others is a digest of the names and hashes of the units that are not listed:
	// two layers that differ in those alone are not the same.
	Others string `json:"others,omitempty"`
	// Placed are the final names that Cargo gave to outputs of units.
	Placed []paths.Path `json:"placed,omitempty"`
	// Strays is what scripts left outside their directories. Nothing else lies
	// in a layer beside the units.
	Strays []Stray `json:"strays,omitempty"`
	// LeftOut lies in the build directory and not in the layer: no unit or script
	// accounts for it.
	LeftOut []paths.Path `json:"left,omitempty"`
	// Nested are the build directories inside this one, each with a manifest of
	// its own.
	Nested []Nested `json:"nested,omitempty"`

	// Cache is the unit cache for the next Inspect; only Inspect sets it.
	Cache builddir.Cache `json:"-"`
	// Dead are files and directories of the build directory, relative to it, that
	// no build of the checkout can use; they are not described.
	Dead []string `json:"-"`
}

// Values of Input.Kind.
const (
	InputFile   = "file"   // Value is the digest of the content
	InputAbsent = "absent" // there is nothing of that name; Value is empty
	InputLink   = "link"   // Value is the rooted.Path that the name resolves to
)

// Input is one thing that a unit was built from.
type Input struct {
	Path  rooted.Path `json:"loc"`
	Kind  string      `json:"kind"`
	Value string      `json:"value,omitempty"`
}

// Tree is a directory with all in it that counts in a scope.
type Tree struct {
	Path    rooted.Path `json:"loc"`
	Scope   string      `json:"scope"`
	Entries []TreeEntry `json:"entries"`
}

// Values of Tree.Scope: which of the files below its directory count.
const (
	// ScopePackage is a package's own directory as a script or macro may read
	// it: ignored files too, but no other package, checkout or build directory.
	ScopePackage = "package"
	// ScopeBeside is what lies beside the packages in a directory: what git lists
	// there, and .env files above a package, which macros read by convention. Of a
	// package in the directory itself all counts but what Cargo compiles.
	ScopeBeside = "beside"
	// ScopeWatch is a directory that a script watches, all of it.
	ScopeWatch = "watch"
	// ScopeNamed is a directory that something names, packages in it included:
	// what git lists of it, or all of it where git lists nothing.
	ScopeNamed = "named"
	// ScopeLibraries is what a linker may take for a library, in the directory itself
	// and not in those below it.
	ScopeLibraries = "libraries"
)

// TreeEntry is a file (its digest), a symbolic link ("-> " and its text) or a
// directory ("/").
type TreeEntry struct {
	Path  paths.Path `json:"path"`
	Value string     `json:"value"`
	// Ignored: git does not list it.
	Ignored bool `json:"ignored,omitempty"`
}

// Fact is one value that must be the same in a checkout.
type Fact struct {
	Kind  string      `json:"kind"` // FactPackage, ...
	Path  rooted.Path `json:"loc"`  // the package's directory; of FactFileAbove, a file's name below the workspace
	Value string      `json:"value"`
}

// Values of Fact.Kind.
const (
	FactPackage   = "package"
	FactVariable  = "variable" // one that cargo makes of the manifest: NAME=value
	FactEnv       = "env"
	FactFileAbove = "above"
	FactTags      = "tags"
)

// Use says that a unit was built from an Input, Tree or Fact, and which rule asks for
// the comparison.
type Use struct {
	Index int       `json:"i"`
	Rule  rule.Rule `json:"rule"`
}

// Watch is a line of a script's output, or an entry of a dep-info file, that
// holds an absolute path and is rewritten for each checkout.
type Watch struct {
	Index int         `json:"i"`
	Path  rooted.Path `json:"loc"`
	Alias bool        `json:"alias,omitempty"` // no known name of the origin explained it
}

// Unit is one unit of a manifest.
type Unit struct {
	builddir.UnitName
	Record paths.Path `json:"record"` // directory of its fingerprint files in the build directory
	File   string     `json:"file"`   // its hash file there
	Layout string     `json:"layout"`
	Source string     `json:"source"`
	Run    bool       `json:"run,omitempty"`
	Doc    bool       `json:"doc,omitempty"`
	// Mutable units have inputs that can differ; the others are listed because
	// they name their origin, or depend on one that is mutable.
	Mutable bool `json:"mutable,omitempty"`
	// Built tells one build of the unit from another: the time of its dep-info
	// or of its script's output, in ns.
	Built int64 `json:"built"`
	// Cost is what building it took, in ms of wall-clock time.
	Cost   int64        `json:"cost,omitempty"`
	Origin int          `json:"origin"`
	Deps   []int        `json:"deps,omitempty"`  // listed units it depends on
	Stamp  []paths.Path `json:"stamp,omitempty"` // files that get the time of a restore

	Inputs []Use `json:"inputs,omitempty"`
	Trees  []Use `json:"trees,omitempty"`
	Facts  []Use `json:"facts,omitempty"`
	// Commit: what it printed depends on the commit and branch it saw; CommitOnly: on the
	// commit alone. Tags that count as well are a fact.
	Commit     bool `json:"commit,omitempty"`
	CommitOnly bool `json:"commit_only,omitempty"`
	// Assembles: the assembler reads files for it. rustc does not know of them when it
	// uses its incremental state again.
	Assembles bool `json:"assembles,omitempty"`
	// Always is why it is rebuilt in any checkout, Elsewhere why it is rebuilt in any
	// but its origin.
	Always    *rule.Reason  `json:"always,omitempty"`
	Elsewhere []rule.Reason `json:"elsewhere,omitempty"`
	// Named: its origin is named by debug information or an env! value that was
	// shown to be harmless; rebuilt only if strictness is asked for.
	Named bool `json:"named,omitempty"`
	// Moved are the absolute paths to rewrite: entries of the dep-info, or
	// lines of the script's output.
	Moved []Watch `json:"moved,omitempty"`
	// Newest is set on the run of a script that declares no inputs: its
	// fingerprint holds the time and name of its package's newest file.
	Newest bool `json:"newest,omitempty"`
	// Unwatched is set on such a run of a vendored package: its fingerprint holds the
	// package's version.
	Unwatched bool `json:"unwatched,omitempty"`
	// Rewatch: a path that its script watches moves with the checkout, and may
	// be part of the fingerprint.
	Rewatch bool `json:"rewatch,omitempty"`
	// Root is where its crate root lies, if its fingerprint holds that as an
	// absolute path that moves with the checkout.
	Root *rooted.Path `json:"root,omitempty"`
	// Linker is where the linker lies that cargo is configured to call for it, if
	// that moves with the checkout: its path is part of the fingerprint.
	Linker *rooted.Path `json:"linker,omitempty"`
	// Home is where its package lies; nil when unknown.
	Home *rooted.Path `json:"home,omitempty"`
}

// Key returns a name of the unit that is unique among those of a manifest; that of
// builddir.Unit.Key.
func (u *Unit) Key() string { return string(u.Record) + "/" + u.File }

// DepFile returns the path of the unit's dep-info file, relative to the build directory.
func (u *Unit) DepFile() string { return string(u.Record) + "/dep-" + u.File }

// Dir returns where the unit's files lie.
func (u *Unit) Dir() builddir.UnitDir {
	pkg, id := builddir.SplitID(u.Unit)
	return builddir.UnitDir{Profile: u.Profile, Layout: u.Layout, Package: pkg, ID: id, Record: string(u.Record)}
}

// Stray is something that the run of a script left in the build directory, but
// outside its own directory. It stays and goes with that run.
type Stray struct {
	Path  paths.Path `json:"path"`
	Size  int64      `json:"size"`
	Mtime int64      `json:"mtime"` // ns
	// Link is where a symbolic link leads, if its text differs from checkout to
	// checkout.
	Link *rooted.Path `json:"link,omitempty"`
	// Units are the runs that may have left it: several, if they ran at the same time.
	Units []int `json:"units"`
}

// Nested is a build directory inside another: an editor's, or that of a tool
// which builds the workspace with flags of its own.
type Nested struct {
	Path     paths.Path `json:"path"`
	Manifest *Manifest  `json:"manifest"` // of its units; without a fingerprint
}

// NestedCacheFile is where the unit cache of a build directory inside another lies,
// relative to that directory. Whoever seals a layer writes it.
const NestedCacheFile = paths.TreeUnits

// Encode returns the manifest's bytes. Equal manifests have equal bytes.
func (m *Manifest) Encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(b, '\n'), nil
}

// Decode reads what Encode wrote. A manifest of another Format is an error, and so is
// one with an index or a path that leads out of it or out of the build directory.
func Decode(b []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	if m.Format != Format {
		return nil, fmt.Errorf("decode manifest: format %d, this program reads %d", m.Format, Format)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	return m, nil
}

func (m *Manifest) check() error {
	if len(m.Origins) == 0 {
		return errors.New("no origin")
	}
	if err := m.checkPlaces(); err != nil {
		return err
	}
	for i := range m.Units {
		if err := m.checkUnit(&m.Units[i]); err != nil {
			return fmt.Errorf("unit %s: %w", m.Units[i].Unit, err)
		}
	}
	return m.checkBeside()
}

// checkPlaces checks that all that has a place says which: an input that does not could
// be found equal to nothing, or to anything.
func (m *Manifest) checkPlaces() error {
	var places []rooted.Root
	for _, o := range m.Origins {
		for _, n := range o.Names {
			places = append(places, n.Root)
		}
	}
	for _, in := range m.Inputs {
		places = append(places, in.Path.Root)
	}
	for _, t := range m.Trees {
		places = append(places, t.Path.Root)
	}
	for _, f := range m.Facts {
		places = append(places, f.Path.Root)
	}
	for i := range m.Units {
		for _, w := range m.Units[i].Moved {
			places = append(places, w.Path.Root)
		}
	}
	if slices.Contains(places, 0) {
		return errors.New("something is said to be nowhere")
	}
	return nil
}

// checkBeside checks what a manifest says of strays and nested build directories.
func (m *Manifest) checkBeside() error {
	for i := range m.Strays {
		s := &m.Strays[i]
		if !paths.IsLocal(string(s.Path)) {
			return fmt.Errorf("path %q leads out of the build directory", s.Path)
		}
		for _, u := range s.Units {
			if u < 0 || u >= len(m.Units) {
				return fmt.Errorf("unit %d of %d", u, len(m.Units))
			}
		}
	}
	for i := range m.Nested {
		n := &m.Nested[i]
		if !paths.IsLocal(string(n.Path)) || n.Path == "." || n.Manifest == nil {
			return fmt.Errorf("%q is no build directory in another", n.Path)
		}
		if err := n.Manifest.check(); err != nil {
			return fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	return nil
}

func (m *Manifest) checkUnit(u *Unit) error {
	if u.Origin < 0 || u.Origin >= len(m.Origins) {
		return fmt.Errorf("origin %d of %d", u.Origin, len(m.Origins))
	}
	for _, d := range u.Deps {
		if d < 0 || d >= len(m.Units) {
			return fmt.Errorf("dependency %d of %d", d, len(m.Units))
		}
	}
	for _, list := range []struct {
		uses []Use
		n    int
	}{{u.Inputs, len(m.Inputs)}, {u.Trees, len(m.Trees)}, {u.Facts, len(m.Facts)}} {
		for _, use := range list.uses {
			if use.Index < 0 || use.Index >= list.n {
				return fmt.Errorf("index %d of %d", use.Index, list.n)
			}
		}
	}
	for _, p := range append([]paths.Path{u.Record, paths.Path(u.Profile)}, u.Stamp...) {
		if !paths.IsLocal(string(p)) {
			return fmt.Errorf("path %q leads out of the build directory", p)
		}
	}
	// Apply makes paths of these.
	for _, name := range []string{u.File, u.Unit, u.Target} {
		if !paths.IsFileName(name) {
			return fmt.Errorf("%q is no file name", name)
		}
	}
	return nil
}

// IsPortable reports whether a listed unit is right in any checkout: it is listed
// only because it names its origin, in a way that was shown not to matter.
func (m *Manifest) IsPortable(u *Unit) bool {
	return !u.Mutable && u.Always == nil && len(u.Elsewhere) == 0 && !u.Rewatch && !u.Newest && !u.Commit && !u.Doc &&
		u.Root == nil && u.Linker == nil &&
		len(u.Moved)+len(u.Inputs)+len(u.Trees)+len(u.Facts) == 0 &&
		!slices.ContainsFunc(u.Deps, func(d int) bool { return !m.IsPortable(&m.Units[d]) })
}

// AllKnown reports whether every unit is of a package of the workspace, or immutable.
func (m *Manifest) AllKnown() bool {
	return !slices.ContainsFunc(m.Units, func(u Unit) bool { return u.Always != nil && u.Always.Rule == rule.UnknownUnit })
}
