// Package contents says what a sealed layer holds, by package: how many units, what they cost to build,
// and what room they take. It reads names, sizes and the manifest, no file's content. A call works alone;
// there may be any number at once.
package contents

import (
	"cmp"
	"context"
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
	// Incremental is the state rustc keeps for the next build of a unit, Other what
	// is no unit's: documentation, packages, Cargo's notes and this program's own.
	Incremental int64
	Other       int64
}

// Package is what there is of one package, in all profiles.
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

// Read reads what lies in tree, a sealed layer with the manifest m. recall
// is what the layer's inspection left; without it this takes longer.
func Read(ctx context.Context, tree string, m *manifest.Manifest, recall []byte) (*Contents, error) {
	s, err := builddir.Scan(tree, m.Fingerprint.Get(depset.CargoHome), recall)
	if err != nil {
		return nil, fmt.Errorf("read contents: %w", err)
	}
	b := newLedger(s, m, recall)
	if err := b.walk(ctx, "", noOwner); err != nil {
		return nil, fmt.Errorf("read contents: %w", err)
	}
	return b.close(), nil
}

// owner says what a file belongs to: a package, by its index, or none. A file of
// several names is the greatest one's.
type owner int

const (
	noOwner          owner = -2
	incrementalOwner owner = -1
)

// ledger collects what belongs to which package.
type ledger struct {
	dir      string
	profiles map[string]bool
	packages []Package
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

// newLedger opens a book with the units of s. What the manifest and the recall say of
// them goes before what is read from the files, whose times a restore may have
// changed.
func newLedger(s *builddir.Dir, m *manifest.Manifest, recall []byte) *ledger {
	b := &ledger{
		dir: s.Path, profiles: map[string]bool{}, owners: map[string]owner{}, linked: map[inode]linked{}, sizes: map[owner]int64{},
	}
	for _, p := range s.Profiles {
		b.profiles[p] = true
	}
	known := map[string]manifest.Entry{}
	for _, e := range manifest.Entries(m, recall) {
		known[e.Key] = e
	}
	homes := map[string]*rooted.Path{}
	for i := range m.Units {
		homes[m.Units[i].Key()] = m.Units[i].Home
	}
	locked, _ := m.Fingerprint.Find(depset.Packages)
	type identity struct{ name, source, from string }
	index := map[identity]owner{}
	byName := map[string][]owner{}
	enter := func(u *builddir.Unit, id identity) {
		o, ok := index[id]
		if !ok {
			o = owner(len(b.packages))
			index[id] = o
			byName[id.name] = append(byName[id.name], o)
			b.packages = append(b.packages, Package{Name: id.name, Source: id.source, From: id.from})
		}
		p := &b.packages[o]
		if p.Version == "" {
			p.Version = versionOf(p, homes[u.Key], locked.Lines)
		}
		p.Units++
		p.Cost += cmp.Or(known[u.Key].Cost, u.Cost)
		b.own(u, o)
	}
	var unknown []*builddir.Unit
	for _, u := range s.Units {
		e := known[u.Key]
		id := identity{u.Pkg, u.Source, u.From}
		if e.Source != "" {
			id = identity{u.Pkg, e.Source, cmp.Or(e.From, u.From)}
		}
		if id.source == builddir.SourceUnknown {
			unknown = append(unknown, u)
			continue
		}
		enter(u, id)
	}
	// Of documentation, for one, only the name of the package is known.
	for _, u := range unknown {
		id := identity{u.Pkg, builddir.SourceUnknown, ""}
		if all := byName[u.Pkg]; len(all) == 1 {
			p := &b.packages[all[0]]
			id = identity{p.Name, p.Source, p.From}
		}
		enter(u, id)
	}
	return b
}

// own notes that what bears the names of u is the package's.
func (b *ledger) own(u *builddir.Unit, o owner) {
	b.owners[u.Record] = o
	if u.Id != "" {
		b.owners[u.ProfileDir+"/"+u.Id] = o
	}
	for _, f := range append([]builddir.Output{{Path: u.SourceListFile}}, u.Outputs...) {
		if _, taken := b.owners[f.Path]; !taken && f.Path != "" && fileID(f.Path) == "" {
			b.owners[f.Path] = o
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

// walk enters all that lies in a directory; o is whose the directory is.
func (b *ledger) walk(ctx context.Context, dir string, o owner) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var dirs []string
	var failed error
	err := builddir.ListDir(filepath.Join(b.dir, dir), func(name []byte, k builddir.EntryKind) {
		switch rel := path.Join(dir, string(name)); k {
		case builddir.EntryDir:
			dirs = append(dirs, rel)
		case builddir.EntryFile:
			failed = cmp.Or(failed, b.file(rel, o))
		}
	})
	if err = cmp.Or(err, failed); err != nil {
		return err
	}
	for _, d := range dirs {
		below := o
		if o == noOwner {
			below = b.ownerOf(d)
		}
		if err := b.walk(ctx, d, below); err != nil {
			return err
		}
	}
	return nil
}

func (b *ledger) file(rel string, o owner) error {
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(b.dir, rel), &st); err != nil {
		return fmt.Errorf("stat %s: %w", rel, err)
	}
	if o == noOwner {
		o = b.ownerOf(rel)
	}
	if st.Nlink < 2 {
		b.sizes[o] += st.Size
		return nil
	}
	// Cargo links what a unit made to a name outside of all units, and rustc its
	// object files to those it keeps.
	id := inode{uint64(st.Dev), st.Ino}
	if l, ok := b.linked[id]; ok {
		o = max(o, l.owner)
	}
	b.linked[id] = linked{o, st.Size}
	return nil
}

// ownerOf tells whose a file or directory is by its name.
func (b *ledger) ownerOf(rel string) owner {
	profile, rest, _ := strings.Cut(rel, "/")
	if !b.profiles[profile] {
		triple := profile
		profile, rest, _ = strings.Cut(rest, "/")
		if profile = triple + "/" + profile; !b.profiles[profile] {
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
		if o, ok := b.owners[key]; ok {
			return o
		}
	}
	return noOwner
}

// close adds up.
func (b *ledger) close() *Contents {
	for _, l := range b.linked {
		b.sizes[l.owner] += l.size
	}
	for i := range b.packages {
		b.packages[i].Size = b.sizes[owner(i)]
	}
	slices.SortFunc(b.packages, func(x, y Package) int {
		return cmp.Or(
			-cmp.Compare(x.Cost, y.Cost), -cmp.Compare(x.Size, y.Size),
			strings.Compare(x.Name, y.Name), strings.Compare(x.Version, y.Version), strings.Compare(x.From, y.From),
		)
	})
	return &Contents{Packages: b.packages, Incremental: b.sizes[incrementalOwner], Other: b.sizes[noOwner]}
}
