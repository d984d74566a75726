package leftover

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

// Names of what rustc and linkers write beside their outputs, and remove or rename when
// they are done (rustc 1.85 to 1.100: rustc_metadata/src/fs.rs, encode_and_write_metadata;
// rustc_codegen_ssa/src/back/archive.rs, ArArchiveBuilder::build_inner; LLVM 22,
// Support/FileOutputBuffer.cpp, by which lld writes).
var (
	temporaryDir  = regexp.MustCompile(`^(rmeta[0-9A-Za-z]{6}|rustc[0-9A-Za-z]{6}|\.tmp[0-9A-Za-z]{6}\.temp-archive)$`)
	temporaryFile = regexp.MustCompile(`^\.tmp[0-9A-Za-z]{6}\.temp-archive$`)
	linkerFile    = regexp.MustCompile(`\.tmp[0-9a-f]{7}$`)
	objectFile    = regexp.MustCompile(`\.rcgu\.(o|dwo)$`)
	// outputFile is what an output is called that has its unit's id: nobody else makes such
	// names. That of a program is one only beside the list of its inputs.
	outputFile  = regexp.MustCompile(`^[0-9A-Za-z_-]+-[0-9a-f]{16}(\.(rlib|rmeta|so|a|d|dylib|dll|exe|wasm|pdb|dwp)|\.[0-9A-Za-z_.-]*rcgu\.(o|dwo)|\.tmp[0-9a-f]{7})$`)
	programFile = regexp.MustCompile(`^[0-9A-Za-z_-]+-[0-9a-f]{16}$`)
)

// debris finds, in one profile, what belongs to no unit that was ever built to its end,
// and what was being written when a build was killed.
type debris struct {
	bd      *builddir.Dir
	profile string
	dead    map[*builddir.Unit]bool
	records []builddir.UnitDir
	units   map[string][]*builddir.Unit // by record
}

func newDebris(bd *builddir.Dir, profile string, dead map[*builddir.Unit]bool) *debris {
	d := &debris{bd: bd, profile: profile, dead: dead, units: map[string][]*builddir.Unit{}}
	for _, u := range bd.Units {
		d.units[u.Dir.Record] = append(d.units[u.Dir.Record], u)
	}
	return d
}

func (d *debris) list(p *Plan) (err error) {
	if d.records, err = builddir.UnitDirs(d.bd.Path, d.profile); err != nil {
		return err
	}
	outs, err := d.outputs()
	if err != nil {
		return err
	}
	for _, ud := range d.records {
		if err := d.record(p, ud, outs); err != nil {
			return err
		}
	}
	d.orphans(p, outs)
	if err := d.orphanDirs(p); err != nil {
		return err
	}
	return d.temporaries(p)
}

// outputs lists the files in deps and examples that have a unit's id in their names, by
// id. Only names that Cargo or rustc have certainly given are among them.
func (d *debris) outputs() (map[string][]string, error) {
	byID := map[string][]string{}
	for _, sub := range []string{"deps", "examples"} {
		dir := d.profile + "/" + sub
		files, _, err := entries(filepath.Join(d.bd.Path, dir))
		if err != nil {
			return nil, err
		}
		slices.Sort(files)
		for _, name := range files {
			_, listed := slices.BinarySearch(files, name+".d")
			if outputFile.MatchString(name) || programFile.MatchString(name) && listed {
				stem, _, _ := strings.Cut(name, ".")
				_, id := builddir.SplitID(stem)
				byID[id] = append(byID[id], dir+"/"+name)
			}
		}
	}
	return byID, nil
}

// record judges a record that says of no unit that it was built: Cargo makes it before it
// starts rustc, and writes into it when rustc is done.
func (d *debris) record(p *Plan, ud builddir.UnitDir, outs map[string][]string) error {
	units := d.units[ud.Record]
	if len(units) > 0 && !d.hasNoOutputs(units) {
		return nil
	}
	_, dirs, err := entries(filepath.Join(d.bd.Path, ud.Record))
	if err != nil || len(dirs) > 0 {
		return err
	}
	it := Item{Reason: Unfinished, Unit: nameOf(ud.Package, ud.ID), Profile: d.profile, Paths: []string{ud.Record}}
	if len(units) > 0 {
		it.Reason, it.Paths = Orphan, []string{units[0].Key, ud.Record}
	}
	own := path.Dir(ud.Record)
	if ud.Layout == builddir.LayoutClassic {
		own = d.profile + "/build/" + nameOf(ud.Package, ud.ID)
		if ud.ID != "" {
			it.Paths = append(it.Paths, outs[ud.ID]...)
		}
	}
	if made, err := d.isUnits(own, ud.Layout); err != nil {
		return err
	} else if made {
		it.Paths = append(it.Paths, own)
	}
	p.add(it)
	return nil
}

// hasNoOutputs reports whether the only unit of a record has none of its outputs.
func (d *debris) hasNoOutputs(units []*builddir.Unit) bool {
	u := units[0]
	if len(units) > 1 || u.Doc || u.Run || u.Fingerprint == nil || len(u.Outputs) > 0 || u.SourceListFile != "" {
		return false
	}
	// What is built for packages that depend on a program lies elsewhere.
	_, err := os.Lstat(filepath.Join(d.bd.Path, d.profile, "deps", "artifact"))
	return err != nil
}

// nameOf is what Cargo calls a unit's directory.
func nameOf(pkg, id string) string {
	if id == "" {
		return pkg
	}
	return pkg + "-" + id
}

// isUnits reports whether a directory in build is there, and has nothing in it but what
// Cargo and rustc put there. One without a file takes no room: Cargo makes such for
// documentation tests, and keeps no record of them (cargo 1.100, layout.rs).
func (d *debris) isUnits(dir, layout string) (bool, error) {
	if _, err := os.Lstat(filepath.Join(d.bd.Path, dir)); err != nil {
		return false, nil
	}
	own := []string{"out", "output", "root-output", "stderr", "invoked.timestamp"}
	if layout == builddir.LayoutUnits {
		own = []string{"fingerprint", "out", "run", ".lock"}
	}
	strange := false
	err := builddir.ListDir(filepath.Join(d.bd.Path, dir), func(name []byte, _ builddir.EntryKind) {
		n := string(name)
		script := strings.HasPrefix(n, "build_script_") || strings.HasPrefix(n, "build-script-") || temporaryDir.MatchString(n)
		if !slices.Contains(own, n) && (layout == builddir.LayoutUnits || !script) {
			strange = true
		}
	})
	return !strange && holdsFile(filepath.Join(d.bd.Path, dir)), err
}

// holdsFile reports whether there is anything but directories in a directory.
func holdsFile(dir string) bool {
	found := false
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// orphans adds the outputs of units that have no record.
func (d *debris) orphans(p *Plan, outs map[string][]string) {
	known := map[string]bool{}
	for _, ud := range d.records {
		if ud.Layout == builddir.LayoutClassic {
			known[ud.ID] = true
		}
	}
	var ids []string
	for id := range outs {
		if !known[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		stem, _, _ := strings.Cut(path.Base(outs[id][0]), ".")
		p.add(Item{Reason: Orphan, Unit: stem, Profile: d.profile, Paths: outs[id]})
	}
}

// orphanDirs adds the directories in build of units that have no record.
func (d *debris) orphanDirs(p *Plan) error {
	known := map[string]bool{}
	for _, ud := range d.records {
		known[nameOf(ud.Package, ud.ID)+ud.Layout] = true
	}
	dir := d.profile + "/build"
	_, dirs, err := entries(filepath.Join(d.bd.Path, dir))
	if err != nil {
		return err
	}
	slices.Sort(dirs)
	add := func(pkg, id, own, layout string) error {
		if known[nameOf(pkg, id)+layout] {
			return nil
		}
		made, err := d.isUnits(own, layout)
		if made {
			p.add(Item{Reason: Orphan, Unit: nameOf(pkg, id), Profile: d.profile, Paths: []string{own}})
		}
		return err
	}
	for _, name := range dirs {
		if pkg, id := builddir.SplitID(name); id != "" {
			if err := add(pkg, id, dir+"/"+name, builddir.LayoutClassic); err != nil {
				return err
			}
			continue
		}
		_, ids, err := entries(filepath.Join(d.bd.Path, dir, name))
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, is := builddir.SplitID("x-" + id); is == "" {
				continue
			}
			if err := add(name, id, dir+"/"+name+"/"+id, builddir.LayoutUnits); err != nil {
				return err
			}
		}
	}
	return nil
}

// temporaries adds what rustc or a linker was writing, of units that stay.
func (d *debris) temporaries(p *Plan) error {
	classic := map[string][]*builddir.Unit{} // by id
	for _, ud := range d.records {
		if units := d.units[ud.Record]; ud.Layout == builddir.LayoutUnits {
			if err := d.temporariesIn(p, path.Dir(ud.Record)+"/out", func(string) []*builddir.Unit { return units }); err != nil {
				return err
			}
		} else if classic[ud.ID] = units; ud.ID != "" {
			if err := d.temporariesIn(p, d.profile+"/build/"+nameOf(ud.Package, ud.ID), func(string) []*builddir.Unit { return units }); err != nil {
				return err
			}
		}
	}
	byID := func(name string) []*builddir.Unit {
		stem, _, _ := strings.Cut(name, ".")
		if _, id := builddir.SplitID(stem); id != "" {
			return classic[id]
		}
		return nil
	}
	for _, sub := range []string{"deps", "examples"} {
		if err := d.temporariesIn(p, d.profile+"/"+sub, byID); err != nil {
			return err
		}
	}
	return nil
}

// temporariesIn adds those in one directory; of returns the units that a file of some name
// may be of.
func (d *debris) temporariesIn(p *Plan, dir string, of func(name string) []*builddir.Unit) error {
	files, dirs, err := entries(filepath.Join(d.bd.Path, dir))
	if err != nil {
		return err
	}
	isRun := func(u *builddir.Unit) bool { return u.Run }
	for _, name := range dirs {
		// The directory that a script's run was given is the script's own.
		if temporaryDir.MatchString(name) && !slices.ContainsFunc(of(name), isRun) {
			p.add(Item{Reason: Temporary, Unit: name, Profile: d.profile, Paths: []string{dir + "/" + name}})
		}
	}
	slices.Sort(files)
	for _, name := range files {
		units := of(name)
		if slices.ContainsFunc(units, isRun) {
			continue
		}
		if temporaryFile.MatchString(name) || len(units) > 0 && (linkerFile.MatchString(name) || objectFile.MatchString(name)) && d.isOlder(dir+"/"+name, units) {
			p.add(Item{Reason: Temporary, Unit: name, Profile: d.profile, Paths: []string{dir + "/" + name}})
		}
	}
	return nil
}

// isOlder reports whether a file was left by another build of a unit than its last one, or
// by one that was not finished. What the last one left is meant to stay, as objects are
// where debug information is not packed.
func (d *debris) isOlder(rel string, units []*builddir.Unit) bool {
	fi, err := os.Lstat(filepath.Join(d.bd.Path, rel))
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(units, func(u *builddir.Unit) bool {
		return u.HashKnown && (u.Started == 0 || fi.ModTime().UnixNano() >= u.Started)
	})
}
