// Package contents says what a sealed layer holds, by package and by unit: how many units, what they cost to
// build, and what room they take, for which it reads names, sizes and the manifest; and what of it is damaged,
// for which it reads every file. A call works alone; there may be any number at once.
package contents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
)

// Contents is what a build directory holds, by package. All sizes are apparent
// bytes: what the files say of themselves, whatever of it is shared on disk. A file
// with several names counts once.
type Contents struct {
	// Packages come in the order of their cost, the greatest first.
	Packages []Package
	// Units are what the packages are added up from, in no order.
	Units []Unit
	// Incremental is the state that rustc keeps for the next build of a unit.
	Incremental int64
	// Other is what belongs to no unit: documentation, packages, Cargo's notes and those
	// of this program.
	Other int64
}

// Package is what a build directory holds of one package, in all profiles.
type Package struct {
	Name string `json:"package"`
	// Version is "" where nothing tells: for packages that can change, mostly.
	Version string `json:"version,omitempty"`
	Source  string `json:"source"`         // SourcePath, ...
	From    string `json:"from,omitempty"` // its directory below CARGO_HOME
	Units   int    `json:"units"`
	// Cost is what building the units took, in ms of wall-clock time, added up though
	// Cargo builds several at once; 0 where it was not measured.
	Cost int64 `json:"cost_ms"`
	Size int64 `json:"size"`
}

// Unit is what a build directory holds of one unit.
type Unit struct {
	Key                      string // as builddir.Unit has it
	Package, Version, Source string // as Package has them
	Profile                  string // as builddir.UnitName has it
	Size                     int64
}

// Read reads what lies in tree, a sealed layer with the manifest m. Without unitCache,
// which is the layer's, it takes longer.
func Read(ctx context.Context, tree string, m *manifest.Manifest, unitCache []byte) (*Contents, error) {
	bd, err := builddir.Scan(tree, m.Fingerprint.Get(depset.IngredientCargoHome), unitCache)
	if err != nil {
		return nil, fmt.Errorf("read contents: %w", err)
	}
	l := newLedger(bd, m, unitCache)
	if err := l.walk(ctx, "", noOwner); err != nil {
		return nil, fmt.Errorf("read contents: %w", err)
	}
	return l.close(), nil
}

// owner says what a file belongs to: a unit, by its index, or none. A file with
// several names belongs to the greatest owner among them.
type owner int

const (
	noOwner          owner = -2
	incrementalOwner owner = -1
)

// ledger collects what belongs to which unit, and which unit to which package.
type ledger struct {
	dir       string
	profiles  map[string]bool
	packages  []Package
	units     []Unit
	packageOf []int // of a unit, the index of its package
	// owners of the unit with an id in a profile, "debug/0123456789abcdef", of a
	// directory of fingerprint files, and of single files: what a dynamic library
	// of the workspace makes bears no id.
	owners map[string]owner
	linked map[inode]linked // files of several names
	sizes  map[owner]int64
}

type inode struct{ dev, ino uint64 }

type linked struct {
	owner owner
	size  int64
}

// newLedger returns a ledger of the units of bd. What the manifest and the unit cache say
// of them is preferred to what the files say, whose times a restore may have changed.
func newLedger(bd *builddir.Dir, m *manifest.Manifest, unitCache []byte) *ledger {
	l := &ledger{
		dir: bd.Path, profiles: map[string]bool{}, owners: map[string]owner{}, linked: map[inode]linked{}, sizes: map[owner]int64{},
	}
	for _, p := range bd.Profiles {
		l.profiles[p] = true
	}
	known := map[string]manifest.Entry{}
	for _, e := range manifest.Entries(m, unitCache) {
		known[e.Key] = e
	}
	homes := map[string]*rooted.Path{}
	for i := range m.Units {
		homes[m.Units[i].Key()] = m.Units[i].Home
	}
	locked, _ := m.Fingerprint.Find(depset.IngredientPackages)
	type identity struct{ name, source, from string }
	index := map[identity]int{}
	byName := map[string][]int{}
	enter := func(u *builddir.Unit, id identity) {
		n, ok := index[id]
		if !ok {
			n = len(l.packages)
			index[id] = n
			byName[id.name] = append(byName[id.name], n)
			l.packages = append(l.packages, Package{Name: id.name, Source: id.source, From: id.from})
		}
		p := &l.packages[n]
		if p.Version == "" {
			p.Version = versionOf(p, homes[u.Key], locked.Lines)
		}
		p.Units++
		p.Cost += cmp.Or(known[u.Key].Cost, u.Cost)
		l.own(u, owner(len(l.units)))
		l.units = append(l.units, Unit{Key: u.Key, Profile: u.Profile})
		l.packageOf = append(l.packageOf, n)
	}
	var unknown []*builddir.Unit
	for _, u := range bd.Units {
		e := known[u.Key]
		id := identity{u.Package, u.Source, u.From}
		if e.Source != "" {
			id = identity{u.Package, e.Source, cmp.Or(e.From, u.From)}
		}
		if id.source == builddir.SourceUnknown {
			unknown = append(unknown, u)
			continue
		}
		enter(u, id)
	}
	// Of documentation, for one, only the name of the package is known.
	for _, u := range unknown {
		id := identity{u.Package, builddir.SourceUnknown, ""}
		if all := byName[u.Package]; len(all) == 1 {
			p := &l.packages[all[0]]
			id = identity{p.Name, p.Source, p.From}
		}
		enter(u, id)
	}
	return l
}

// own notes that files with the names of u belong to o.
func (l *ledger) own(u *builddir.Unit, o owner) {
	l.owners[u.Dir.Record] = o
	if u.Dir.ID != "" {
		l.owners[u.Profile+"/"+u.Dir.ID] = o
	}
	for _, f := range append([]builddir.Output{{Path: u.SourceListFile}}, u.Outputs...) {
		if _, taken := l.owners[f.Path]; !taken && f.Path != "" && fileID(f.Path) == "" {
			l.owners[f.Path] = o
		}
	}
}

// fileID returns the id in the name of a file of deps or examples, "" where it has
// none.
func fileID(rel string) string {
	stem, _, _ := strings.Cut(path.Base(rel), ".")
	_, id := builddir.SplitID(stem)
	return id
}

// versionOf finds the version of a package: Cargo names directories of the registry
// after it, the lockfile has it beside the commit of a git source, and a vendored
// package's directory may bear it.
func versionOf(p *Package, home *rooted.Path, locked []string) string {
	switch p.Source {
	case builddir.SourceRegistry:
		if v, ok := strings.CutPrefix(path.Base(p.From), p.Name+"-"); ok {
			return v
		}
	case builddir.SourceGit:
		for _, line := range locked {
			l := depset.ParsePackage(line)
			_, commit, ok := strings.Cut(l.Source, "#")
			if ok && l.Name == p.Name && strings.HasPrefix(commit, path.Base(p.From)) {
				return l.Version
			}
		}
	case builddir.SourceVendored:
		if home == nil {
			break
		}
		if v, ok := strings.CutPrefix(path.Base(home.Rel), p.Name+"-"); ok && v != "" && v[0] >= '0' && v[0] <= '9' {
			return v
		}
	}
	return ""
}

// walk counts all that lies in a directory, which belongs to o.
func (l *ledger) walk(ctx context.Context, dir string, o owner) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var dirs []string
	var failed error
	err := builddir.ListDir(filepath.Join(l.dir, dir), func(name []byte, k builddir.EntryKind) {
		switch rel := path.Join(dir, string(name)); k {
		case builddir.EntryDir:
			dirs = append(dirs, rel)
		case builddir.EntryFile:
			failed = cmp.Or(failed, l.file(rel, o))
		}
	})
	if err = cmp.Or(err, failed); errors.Is(err, unix.ENAMETOOLONG) {
		return nil // the kernel takes no path to it, and nobody's build has one
	}
	if err != nil {
		return err
	}
	for _, d := range dirs {
		below := o
		if o == noOwner {
			below = l.ownerOf(d)
		}
		if err := l.walk(ctx, d, below); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) file(rel string, o owner) error {
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(l.dir, rel), &st); err != nil {
		return fmt.Errorf("stat %s: %w", rel, err)
	}
	if o == noOwner {
		o = l.ownerOf(rel)
	}
	if st.Nlink < 2 {
		l.sizes[o] += st.Size
		return nil
	}
	// Cargo links what a unit made to a name outside of all units, and rustc its
	// object files to those it keeps.
	id := inode{uint64(st.Dev), st.Ino}
	if other, ok := l.linked[id]; ok {
		o = max(o, other.owner)
	}
	l.linked[id] = linked{o, st.Size}
	return nil
}

// ownerOf finds the owner of a file or directory by its name.
func (l *ledger) ownerOf(rel string) owner {
	profile, rest, _ := strings.Cut(rel, "/")
	if !l.profiles[profile] {
		triple := profile
		profile, rest, _ = strings.Cut(rest, "/")
		if profile = triple + "/" + profile; !l.profiles[profile] {
			return noOwner
		}
	}
	sub, rest, _ := strings.Cut(rest, "/")
	name, below, _ := strings.Cut(rest, "/")
	keys := []string{rel}
	switch {
	case sub == "incremental":
		return incrementalOwner
	case name == "":
	case sub == ".fingerprint":
		keys = append(keys, profile+"/.fingerprint/"+name)
	case sub == "build":
		// A directory for each script and run, or one for each package with one
		// for each unit in it.
		_, id := builddir.SplitID(name)
		unit, _, _ := strings.Cut(below, "/")
		keys = append(keys, profile+"/"+id, profile+"/build/"+name+"/"+unit+"/fingerprint")
	case sub == "deps", sub == "examples":
		keys = append(keys, profile+"/"+fileID(name))
	}
	for _, key := range keys {
		if o, ok := l.owners[key]; ok {
			return o
		}
	}
	return noOwner
}

// close adds up the ledger.
func (l *ledger) close() *Contents {
	for _, file := range l.linked {
		l.sizes[file.owner] += file.size
	}
	for i := range l.units {
		u, p := &l.units[i], &l.packages[l.packageOf[i]]
		u.Package, u.Version, u.Source, u.Size = p.Name, p.Version, p.Source, l.sizes[owner(i)]
		p.Size += u.Size
	}
	slices.SortFunc(l.packages, func(x, y Package) int {
		return cmp.Or(
			-cmp.Compare(x.Cost, y.Cost), -cmp.Compare(x.Size, y.Size),
			strings.Compare(x.Name, y.Name), strings.Compare(x.Version, y.Version), strings.Compare(x.From, y.From),
		)
	})
	return &Contents{Packages: l.packages, Units: l.units, Incremental: l.sizes[incrementalOwner], Other: l.sizes[noOwner]}
}
