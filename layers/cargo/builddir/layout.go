package builddir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// The two ways Cargo arranges a profile directory. Which one a directory has is
// read from the directory, never from a version: nightlies, configuration and
// an environment variable all switch it (cargo 1.97 nightly, layout.rs:
// Layout::new; default since 1.100).
const (
	LayoutClassic = "classic" // .fingerprint/, deps/, build/ beside each other
	LayoutUnits   = "units"   // build/<package>/<id>/ holds all of one unit
)

// UnitDir is where one unit's files lie, relative to the build directory.
type UnitDir struct {
	Profile string // debug, x86_64-unknown-linux-gnu/release
	Layout  string
	Package string // package name
	ID      string // 16 hex digits, "" where Cargo gives none
	Record  string // directory of the fingerprint files
}

// name is what the unit is called in messages: package and id.
func (u UnitDir) name() string {
	if u.ID == "" {
		return u.Package
	}
	return u.Package + "-" + u.ID
}

// ParseRecordDir returns what the name of record, the directory of a unit's fingerprint
// files, says of the unit.
func ParseRecordDir(record string) UnitDir {
	if profile, name, ok := strings.Cut(record, "/.fingerprint/"); ok {
		pkg, id := SplitID(name)
		return UnitDir{profile, LayoutClassic, pkg, id, record}
	}
	dir, id := filepath.Split(filepath.Dir(record))
	dir, pkg := filepath.Split(strings.TrimSuffix(dir, "/"))
	return UnitDir{strings.TrimSuffix(dir, "/build/"), LayoutUnits, pkg, id, record}
}

// ScriptFiles returns where the run of a build script keeps what the script printed,
// the directory it was given, and the absolute name of that directory.
func (u UnitDir) ScriptFiles() (output, outDir, rootOutput string) {
	if u.Layout == LayoutUnits {
		dir := filepath.Dir(u.Record)
		return dir + "/run/stdout", dir + "/out", dir + "/run/root-output"
	}
	dir := u.Profile + "/build/" + u.name()
	return dir + "/output", dir + "/out", dir + "/root-output"
}

// Profiles lists the profile directories of a build directory, relative to it,
// sorted: those that hold units or a lock of Cargo's, at the top or, with --target, one
// level below. Those of a build directory inside this one are not among them, nor those
// that may not be listed; see Locks.Foreign.
func Profiles(buildDir string) ([]string, error) {
	found, _, err := profiles(buildDir)
	return found, err
}

// profiles also returns the directories that may hold a profile and may not be
// listed.
func profiles(buildDir string) (found, closed []string, err error) {
	top, err := os.ReadDir(buildDir)
	if err != nil {
		return nil, nil, fmt.Errorf("list profiles: %w", err)
	}
	read := func(name string) ([]os.DirEntry, error) {
		entries, err := os.ReadDir(filepath.Join(buildDir, name))
		if errors.Is(err, fs.ErrPermission) {
			closed = append(closed, name)
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list profiles: %w", err)
		}
		return entries, nil
	}
	for _, e := range top {
		// Nobody can call a profile so (cargo 1.95, util/toml/mod.rs:
		// validate_profile_name), and these have directories by the thousand.
		if name := e.Name(); !e.IsDir() || name == "doc" || name == "package" || name == MetaDir {
			continue
		}
		sub, err := read(e.Name())
		if err != nil {
			return nil, nil, err
		}
		if isProfile(sub) {
			found = append(found, e.Name())
			continue
		}
		if isNested(sub) {
			continue
		}
		for _, s := range sub {
			if !s.IsDir() {
				continue
			}
			name := e.Name() + "/" + s.Name()
			inner, err := read(name)
			if err != nil {
				return nil, nil, err
			}
			if isProfile(inner) {
				found = append(found, name)
			}
		}
	}
	slices.Sort(found)
	return found, closed, nil
}

func isProfile(entries []os.DirEntry) bool {
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		switch e.Name() {
		case ".fingerprint", ".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock":
			return true
		}
		return false
	})
}

// UnitDirs lists the units of one profile directory, sorted, those among them that were
// never built to the end.
func UnitDirs(buildDir, profile string) ([]UnitDir, error) {
	units, _, err := unitDirsIn(buildDir, profile)
	return units, err
}

// unitDirsIn lists the units of one profile directory, sorted, and its layout.
func unitDirsIn(buildDir, profile string) (units []UnitDir, layout string, err error) {
	classic := profile + "/.fingerprint"
	err = ListDir(filepath.Join(buildDir, classic), func(name []byte, k EntryKind) {
		if k == EntryDir {
			pkg, id := SplitID(string(name))
			units = append(units, UnitDir{profile, LayoutClassic, pkg, id, classic + "/" + string(name)})
			layout = LayoutClassic
		}
	})
	if err != nil {
		return nil, "", fmt.Errorf("list units of %s: %w", profile, err)
	}
	var pkgs []string
	err = ListDir(filepath.Join(buildDir, profile, "build"), func(name []byte, k EntryKind) {
		// Both layouts keep something in build/; here directories are called
		// after packages, there after units.
		if _, id := SplitID(string(name)); k == EntryDir && id == "" {
			pkgs = append(pkgs, string(name))
		}
	})
	for _, pkg := range pkgs {
		dir := profile + "/build/" + pkg
		err = errors.Join(err, ListDir(filepath.Join(buildDir, dir), func(name []byte, _ EntryKind) {
			record := dir + "/" + string(name) + "/fingerprint"
			if fi, err := os.Stat(filepath.Join(buildDir, record)); err == nil && fi.IsDir() {
				units = append(units, UnitDir{profile, LayoutUnits, pkg, string(name), record})
				if layout == "" {
					layout = LayoutUnits
				}
			}
		}))
	}
	if err != nil {
		return nil, "", fmt.Errorf("list units of %s: %w", profile, err)
	}
	slices.SortFunc(units, func(a, b UnitDir) int { return strings.Compare(a.Record, b.Record) })
	return units, layout, nil
}

// SplitID takes apart a name that ends in a unit's id, as package-0123456789abcdef does;
// id is "" where it does not.
func SplitID(name string) (pkg, id string) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || !isUnitID(name[i+1:]) {
		return name, ""
	}
	return name[:i], name[i+1:]
}

func isUnitID(s string) bool {
	return len(s) == 16 && strings.Trim(s, "0123456789abcdef") == ""
}

// Output is one file a unit wrote.
type Output struct {
	Path  string // relative to the build directory
	mtime int64  // ns
	ino   uint64
}

// outputIndex finds the files of certain units in one profile directory. It is made
// once and then only read.
type outputIndex struct {
	buildDir string
	profile  string
	byKey    map[string][]string // id, or "=" and bare name -> paths in deps and examples
}

// newOutputIndex lists the files of the units with these ids, "" for those that have
// none; of all units if ids is nil.
func newOutputIndex(buildDir, profile string, ids map[string]bool) (*outputIndex, error) {
	o := &outputIndex{buildDir: buildDir, profile: profile, byKey: map[string][]string{}}
	for _, sub := range []string{"deps", "examples"} {
		dir := profile + "/" + sub
		err := ListDir(filepath.Join(buildDir, dir), func(name []byte, k EntryKind) {
			if k != EntryFile {
				return
			}
			stem, _, _ := bytes.Cut(name, []byte("."))
			if i := bytes.LastIndexByte(stem, '-'); i >= 0 && isUnitID(string(stem[i+1:])) {
				if id := string(stem[i+1:]); ids == nil || ids[id] {
					o.byKey[id] = append(o.byKey[id], dir+"/"+string(name))
				}
				return
			}
			key := "=" + strings.TrimPrefix(string(stem), "lib")
			o.byKey[key] = append(o.byKey[key], dir+"/"+string(name))
		})
		if err != nil {
			return nil, fmt.Errorf("list outputs: %w", err)
		}
	}
	for _, paths := range o.byKey {
		slices.Sort(paths)
	}
	return o, nil
}

// of returns the files u may have written: by id where it has one, else by crate
// name (path dylibs and cdylibs carry no id: cargo 1.95, compilation_files.rs:
// use_extra_filename).
func (o *outputIndex) of(u UnitDir, crate string, script bool) ([]string, error) {
	if u.Layout == LayoutUnits {
		return o.within(filepath.Dir(u.Record)+"/out", "")
	}
	if script {
		return o.within(o.profile+"/build/"+u.name(), u.ID)
	}
	if found := o.byKey[u.ID]; u.ID != "" && len(found) > 0 {
		return found, nil
	}
	return o.byKey["="+crate], nil
}

// within returns the regular files in a directory whose names have part in them.
func (o *outputIndex) within(dir, part string) (paths []string, err error) {
	err = ListDir(filepath.Join(o.buildDir, dir), func(name []byte, k EntryKind) {
		if k == EntryFile && strings.Contains(string(name), part) {
			paths = append(paths, dir+"/"+string(name))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list outputs: %w", err)
	}
	slices.Sort(paths)
	return paths, nil
}

// InputLists returns where the .d files lie, relative to the build directory, in which
// rustc has listed the inputs of units of these profiles.
func InputLists(buildDir string, profiles []string) []string {
	var lists []string
	for _, p := range profiles {
		for _, pattern := range []string{"deps/*.d", "examples/*.d", "build/*/*.d", "build/*/*/out/*.d"} {
			// The pattern is well formed.
			found, _ := filepath.Glob(filepath.Join(quoteGlob(buildDir), quoteGlob(p), pattern))
			for _, path := range found {
				if rel, err := filepath.Rel(buildDir, path); err == nil {
					lists = append(lists, rel)
				}
			}
		}
	}
	return lists
}

// quoteGlob escapes what a pattern of filepath.Glob gives a meaning to.
var quoteGlob = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace

// rustcInfo is what Cargo knows of the compiler. It keeps that at the root of a
// build directory and nowhere else (cargo 1.95, util/rustc.rs; ops/mod.rs), so
// the file tells a build directory from the directory of a target.
const rustcInfo = ".rustc_info.json"

// isNested reports whether a directory with these entries is a build directory of
// its own.
func isNested(entries []os.DirEntry) bool {
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == rustcInfo })
}

// MetaDir is where this program keeps what it knows of a build directory, relative to
// that.
const MetaDir = paths.TreeMeta
