package builddir

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"golang.org/x/sys/unix"
)

// Stray is something in a build directory that belongs to no unit: a script
// copied it beside the program, a program under test wrote it, a tool keeps its
// reports there.
type Stray struct {
	Path string // relative to the build directory
	Top  string // the entry of a directory of Cargo's that it is, or that it lies in
	// Quiet: it is a tool's own, or a remainder of a unit that is gone. Who made it does
	// not matter, and nobody misses it in a layer.
	Quiet bool
	// HoldsBuild: it is a directory in which somebody ran Cargo.
	HoldsBuild bool
	IsDir      bool
	Link       string       // text of a symbolic link; "" of anything else
	Stat       unix.Statx_t // not filled in where Quiet is set by its name
}

// Beside is what lies in a build directory, or an artifact directory, beside the units.
// All paths are relative to it.
type Beside struct {
	Placed []Placed // final names that Cargo gave to outputs of units
	Strays []*Stray // what belongs to no unit
	Nested []string // build directories inside this one
}

// toolsOwn is what Cargo and well-known tools keep in a build directory, or in the
// directory of a target. It is about the checkout they ran in: a layer has none
// of it.
var toolsOwn = []string{
	".gitignore", "doc", "package", "tmp", ".rustdoc_fingerprint.json", ".future-incompat-report.json", "cargo-timings",
	"criterion", "nextest",
}

// IsCargoFile reports whether Cargo has a file of that name beside profiles or in
// one, whatever is built.
func IsCargoFile(name string) bool {
	switch name {
	case "CACHEDIR.TAG", rustcInfo, ".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock":
		return true
	}
	return false
}

// ListBeside lists what lies in dir, a build directory or an artifact directory,
// beside the units, which are those of the build directory.
func ListBeside(dir string, profiles []string, units []*Unit) (*Beside, error) {
	w := &besideWalk{dir: dir, profiles: profiles, units: map[string]*profileUnits{}, found: &Beside{}}
	for _, p := range profiles {
		w.units[p] = &profileUnits{ids: map[string]bool{}, targets: map[string][]*Unit{}}
	}
	for _, u := range units {
		p := w.units[u.Profile]
		if p == nil {
			continue
		}
		p.ids[u.Dir.ID] = true
		if !u.Run {
			name := strings.ReplaceAll(u.Target, "-", "_")
			p.targets[name] = append(p.targets[name], u)
		}
		if u.Run && !u.Cached && u.Dir.Layout != "" {
			p.runs = append(p.runs, u)
		}
	}
	if err := w.root(""); err != nil {
		return nil, err
	}
	return w.found, nil
}

// Placed is a final name that Cargo gave to an output of a unit.
type Placed struct {
	Path string
	// Makers are the unit whose output it is, or those that it may be of.
	Makers []*Unit
}

type profileUnits struct {
	ids     map[string]bool
	targets map[string][]*Unit // by name, as crates are called
	runs    []*Unit            // runs of scripts whose directories no earlier inspection has listed
}

type besideWalk struct {
	found    *Beside
	dir      string
	profiles []string
	units    map[string]*profileUnits
}

// root lists a build directory, or the directory of a target in it.
func (w *besideWalk) root(rel string) error {
	entries, err := os.ReadDir(filepath.Join(w.dir, rel))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(rel, e.Name())
		switch {
		case IsCargoFile(e.Name()), name == MetaDir:
		case slices.Contains(w.profiles, name):
			err = w.profile(name)
		case rel == "" && slices.ContainsFunc(w.profiles, func(p string) bool { return strings.HasPrefix(p, name+"/") }):
			err = w.root(name)
		case e.Name() == "tmp" && e.IsDir():
			// Cargo makes it for the tests it compiles: without it those that stay
			// fresh would not find it.
			err = w.quietBelow(name)
		case slices.Contains(toolsOwn, e.Name()):
			w.quiet(name)
		default:
			err = w.stray(name, name, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *besideWalk) quietBelow(rel string) error {
	entries, err := os.ReadDir(filepath.Join(w.dir, rel))
	for _, e := range entries {
		w.quiet(rel + "/" + e.Name())
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil // nobody's, and empty in every copy
	}
	return err
}

func (w *besideWalk) quiet(rel string) {
	w.found.Strays = append(w.found.Strays, &Stray{Path: rel, Top: rel, Quiet: true})
}

// profile lists a profile directory.
func (w *besideWalk) profile(profile string) error {
	entries, err := os.ReadDir(filepath.Join(w.dir, profile))
	if err != nil {
		return err
	}
	for _, e := range entries {
		rel := profile + "/" + e.Name()
		switch e.Name() {
		case ".fingerprint", "incremental":
		case "deps", "examples":
			err = w.outputs(profile, rel)
		case "build":
			err = w.buildDirs(profile)
		default:
			if !IsCargoFile(e.Name()) {
				err = w.final(profile, rel, e)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// final judges what may be the final name of an output of a unit. Cargo makes it anew on
// every build, as a hard link (cargo 1.95, compiler/mod.rs:link_targets): a file that is
// no link to an output was changed or put there by somebody else.
func (w *besideWalk) final(profile, rel string, e os.DirEntry) error {
	stem, _, _ := strings.Cut(e.Name(), ".")
	crate := strings.ReplaceAll(stem, "-", "_")
	p := w.units[profile]
	makers := p.targets[crate]
	if lib, ok := strings.CutPrefix(crate, "lib"); ok {
		makers = append(slices.Clip(makers), p.targets[lib]...)
	}
	if len(makers) == 0 || !e.Type().IsRegular() || !isOutputName(e.Name()) {
		return w.stray(rel, rel, true)
	}
	fi, err := os.Lstat(filepath.Join(w.dir, rel))
	if err != nil {
		return err
	}
	if filepath.Ext(rel) == ".d" {
		w.found.Placed = append(w.found.Placed, Placed{rel, makers})
	} else if u := w.maker(profile, fi, makers); u != nil {
		w.found.Placed = append(w.found.Placed, Placed{rel, []*Unit{u}})
	} else {
		w.quiet(rel)
	}
	return nil
}

// maker returns that of these units of which a file is, under another name, what it made,
// nil if it is of none.
func (w *besideWalk) maker(profile string, fi fs.FileInfo, makers []*Unit) *Unit {
	same := func(rel string) bool {
		made, err := os.Lstat(filepath.Join(w.dir, rel))
		return err == nil && os.SameFile(fi, made)
	}
	ext := filepath.Ext(fi.Name())
	for _, u := range makers {
		crate := strings.ReplaceAll(u.Target, "-", "_")
		if u.Dir.Layout == LayoutUnits {
			out := filepath.Dir(u.Dir.Record) + "/out"
			found := false
			_ = ListDir(filepath.Join(w.dir, out), func(name []byte, k EntryKind) {
				found = found || k == EntryFile && same(out+"/"+string(name))
			})
			if found {
				return u
			}
			continue
		}
		for _, dir := range []string{profile + "/deps/", profile + "/examples/"} {
			for _, name := range []string{crate + "-" + u.Dir.ID, crate, u.Target + "-" + u.Dir.ID} {
				if same(dir+name+ext) || same(dir+"lib"+name+ext) {
					return u
				}
			}
		}
	}
	return nil
}

// isOutputName reports whether a name ends like those of files that rustc, or a linker
// for it, makes.
func isOutputName(name string) bool {
	switch _, ext, _ := strings.Cut(name, "."); ext {
	case "", "d", "so", "a", "rlib", "rmeta", "dwp", "dylib", "dll", "dll.a", "dll.lib", "dll.exp", "lib", "exp", "exe", "pdb", "wasm", "js", "o", "s", "S", "ll", "bc", "mir":
		return true
	}
	return false
}

// outputs lists deps or examples.
func (w *besideWalk) outputs(profile, dir string) error {
	p := w.units[profile]
	var found []string
	err := ListDir(filepath.Join(w.dir, dir), func(name []byte, k EntryKind) {
		stem, _, _ := strings.Cut(string(name), ".")
		if _, id := SplitID(stem); id != "" {
			if k == entryOther {
				found = append(found, string(name))
			} else if !p.ids[id] {
				w.quiet(dir + "/" + string(name))
			}
			return
		}
		crate := strings.ReplaceAll(stem, "-", "_")
		_, bin := p.targets[crate]
		_, lib := p.targets[strings.TrimPrefix(crate, "lib")]
		if k == EntryFile && (bin || lib) && isOutputName(string(name)) {
			return
		}
		found = append(found, string(name))
	})
	for _, name := range found {
		if name == "artifact" {
			continue // what is built for packages that depend on a program
		}
		err = errors.Join(err, w.stray(dir+"/"+name, dir+"/"+name, true))
	}
	return err
}

// buildDirs lists the directories of scripts; in the newer layout, of all units.
func (w *besideWalk) buildDirs(profile string) error {
	dir, p := profile+"/build", w.units[profile]
	var strange, pkgs []string
	err := ListDir(filepath.Join(w.dir, dir), func(name []byte, k EntryKind) {
		switch _, id := SplitID(string(name)); {
		case k != EntryDir:
			strange = append(strange, dir+"/"+string(name))
		case id == "":
			pkgs = append(pkgs, dir+"/"+string(name))
		case !p.ids[id]:
			w.quiet(dir + "/" + string(name))
		}
	})
	for _, pkg := range pkgs {
		err = errors.Join(err, ListDir(filepath.Join(w.dir, pkg), func(name []byte, k EntryKind) {
			switch rel := pkg + "/" + string(name); {
			case k != EntryDir || !isUnitID(string(name)):
				strange = append(strange, rel)
			case !p.ids[string(name)]:
				w.quiet(rel)
			}
		}))
	}
	for _, u := range p.runs {
		_, outDir, _ := u.Dir.ScriptFiles()
		own := filepath.Dir(outDir)
		err = errors.Join(err, ListDir(filepath.Join(w.dir, own), func(name []byte, _ EntryKind) {
			switch string(name) {
			case "out", "output", "root-output", "stderr", "invoked.timestamp", "fingerprint", "run":
			default:
				strange = append(strange, own+"/"+string(name))
			}
		}))
	}
	for _, rel := range strange {
		err = errors.Join(err, w.stray(rel, rel, true))
	}
	return err
}

// maxStrays bounds how many files below one name are looked at one by one.
const maxStrays = 20000

// stray lists what lies at rel, file by file: each may have another maker.
func (w *besideWalk) stray(rel, top string, inProfile bool) error {
	if IsDiscarded(path.Base(rel)) {
		return nil
	}
	s := &Stray{Path: rel, Top: top}
	full := filepath.Join(w.dir, rel)
	err := unix.Statx(unix.AT_FDCWD, full, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &s.Stat)
	if OutOfReach(err) {
		w.quiet(rel)
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "stat", Path: full, Err: err}
	}
	switch s.Stat.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		link, err := os.Readlink(full)
		if err != nil {
			return err
		}
		s.Link = link
	case unix.S_IFREG:
	case unix.S_IFDIR:
		s.IsDir = true
		entries, err := os.ReadDir(full)
		if OutOfReach(err) {
			s.Quiet = true
			break
		}
		if err != nil {
			return err
		}
		switch {
		case isNested(entries) && !inProfile:
			w.found.Nested = append(w.found.Nested, rel)
			return nil
		case isNested(entries), isProfile(entries):
			s.HoldsBuild = true
		case len(entries) > 0 && len(w.found.Strays) < maxStrays:
			for _, e := range entries {
				if err := w.stray(rel+"/"+e.Name(), top, inProfile); err != nil {
					return err
				}
			}
			return nil
		}
	default:
		s.Quiet = true
	}
	w.found.Strays = append(w.found.Strays, s)
	return nil
}

// BuildsBelow lists every profile directory in a build directory, at any depth:
// its own and those of builds that somebody runs inside it.
func BuildsBelow(buildDir string) ([]string, error) {
	own, err := Profiles(buildDir)
	if err != nil {
		return nil, err
	}
	found := slices.Clone(own)
	var below func(rel string) error
	below = func(rel string) error {
		entries, err := os.ReadDir(filepath.Join(buildDir, rel))
		if OutOfReach(err) || errors.Is(err, fs.ErrNotExist) {
			return nil // nobody of ours builds there
		}
		if err != nil {
			return err
		}
		profile := isProfile(entries)
		if profile && !slices.Contains(own, rel) {
			found = append(found, rel)
		}
		for _, e := range entries {
			switch name := e.Name(); {
			case !e.IsDir(), name == MetaDir, name == "doc":
			case profile && slices.Contains([]string{".fingerprint", "incremental", "deps", "examples", "build"}, name):
			default:
				if err := below(path.Join(rel, name)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := below(""); err != nil {
		return nil, err
	}
	slices.Sort(found)
	return found, nil
}

// discardedSuffix ends the new name of something that cannot be removed because another
// user owns it, as root does after a build with sudo. Under that name nobody finds it.
const discardedSuffix = paths.TreeLeftSuffix

// IsDiscarded reports whether a name is one that Discard has given.
func IsDiscarded(name string) bool { return strings.HasSuffix(name, discardedSuffix) }

// Discard removes something, with all in it, from a copy of a build directory. What this
// user may not remove is renamed, or stays; see IsDiscarded. So stays what lies so deep
// that the kernel takes no path to it, which no build has.
func Discard(name string) error {
	err := os.RemoveAll(name)
	if errors.Is(err, unix.ENAMETOOLONG) {
		return nil
	}
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	dir, base := filepath.Split(name)
	if IsDiscarded(base) {
		return nil
	}
	if err := os.Rename(name, filepath.Join(dir, "."+base+discardedSuffix)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
