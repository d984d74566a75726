package cargo

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A stray is something in a build directory that belongs to no unit: a script
// copied it beside the program, a program under test wrote it, a tool keeps its
// reports there.
type stray struct {
	path string // relative to the build directory
	top  string // the entry of a directory of Cargo's that it is or lies in
	// quiet: it is a tool's own, or what is left of a unit that is gone. Nobody
	// asks who made it.
	quiet bool
	// builds: it is a directory in which somebody ran Cargo.
	builds bool
	dir    bool
	link   string // what a symbolic link says
	st     unix.Statx_t
}

// around is what lies in a build directory beside its units.
type around struct {
	placed []string // final names that Cargo gave to what units made
	strays []*stray
	nested []string // build directories in it
}

// toolsOwn is what Cargo and well-known tools keep in a build directory, or in the
// directory of a target. It is about the checkout they ran in: a layer has none
// of it.
var toolsOwn = []string{
	".gitignore", "doc", "package", "tmp", ".rustdoc_fingerprint.json", ".future-incompat-report.json", "cargo-timings",
	"criterion", "nextest",
}

// isOwnFile reports whether Cargo has a file of that name beside profiles or in
// one, whatever is built.
func isOwnFile(name string) bool {
	switch name {
	case "CACHEDIR.TAG", rustcInfo, ".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock":
		return true
	}
	return false
}

// rustcInfo is what Cargo knows of the compiler. It keeps that at the root of a
// build directory and nowhere else (cargo 1.95, util/rustc.rs; ops/mod.rs), so
// the file tells a build directory from the directory of a target.
const rustcInfo = ".rustc_info.json"

// isNested reports whether a directory with these entries is a build directory of
// its own.
func isNested(entries []os.DirEntry) bool {
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == rustcInfo })
}

// lookAround lists what lies in dir, a build directory or an artifact directory,
// beside the units, which are those of the build directory.
func lookAround(dir string, profiles []string, units []*built) (*around, error) {
	w := &aroundWalk{dir: dir, profiles: profiles, units: map[string]*profileUnits{}, found: &around{}}
	for _, p := range profiles {
		w.units[p] = &profileUnits{ids: map[string]bool{}, targets: map[string][]*built{}}
	}
	for _, u := range units {
		p := w.units[u.profile]
		if p == nil {
			continue
		}
		p.ids[u.id] = true
		if !u.run {
			name := strings.ReplaceAll(u.Target, "-", "_")
			p.targets[name] = append(p.targets[name], u)
		}
		if u.run && !u.recalled && u.layout != "" {
			p.runs = append(p.runs, u)
		}
	}
	if err := w.root(""); err != nil {
		return nil, err
	}
	return w.found, nil
}

type profileUnits struct {
	ids     map[string]bool
	targets map[string][]*built // by name, as crates are called
	runs    []*built            // those of which it was not seen before what lies there
}

type aroundWalk struct {
	found    *around
	dir      string
	profiles []string
	units    map[string]*profileUnits
}

// root lists a build directory, or the directory of a target in it.
func (w *aroundWalk) root(rel string) error {
	entries, err := os.ReadDir(filepath.Join(w.dir, rel))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(rel, e.Name())
		switch {
		case isOwnFile(e.Name()), name == metaDir:
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

func (w *aroundWalk) quietBelow(rel string) error {
	entries, err := os.ReadDir(filepath.Join(w.dir, rel))
	for _, e := range entries {
		w.quiet(rel + "/" + e.Name())
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil // nobody's, and empty in every copy
	}
	return err
}

func (w *aroundWalk) quiet(rel string) {
	w.found.strays = append(w.found.strays, &stray{path: rel, top: rel, quiet: true})
}

// profile lists a profile directory.
func (w *aroundWalk) profile(profile string) error {
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
			if !isOwnFile(e.Name()) {
				err = w.final(profile, rel, e)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// final judges what may be the final name of something that a unit made. Cargo
// gives it anew on every build, as a hard link (cargo 1.95, compiler/mod.rs:
// link_targets): what is not one was changed or put there by somebody else.
func (w *aroundWalk) final(profile, rel string, e os.DirEntry) error {
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
	if filepath.Ext(rel) == ".d" || w.isMade(profile, fi, makers) {
		w.found.placed = append(w.found.placed, rel)
	} else {
		w.quiet(rel)
	}
	return nil
}

// isMade reports whether a file is, under another name, what one of these units
// made.
func (w *aroundWalk) isMade(profile string, fi fs.FileInfo, makers []*built) bool {
	same := func(rel string) bool {
		made, err := os.Lstat(filepath.Join(w.dir, rel))
		return err == nil && os.SameFile(fi, made)
	}
	ext := filepath.Ext(fi.Name())
	for _, u := range makers {
		crate := strings.ReplaceAll(u.Target, "-", "_")
		if u.layout == LayoutUnits {
			out := filepath.Dir(u.record) + "/out"
			found := false
			_ = list(filepath.Join(w.dir, out), func(name []byte, k kind) {
				found = found || k == isFile && same(out+"/"+string(name))
			})
			if found {
				return true
			}
			continue
		}
		for _, dir := range []string{profile + "/deps/", profile + "/examples/"} {
			for _, name := range []string{crate + "-" + u.id, crate, u.Target + "-" + u.id} {
				if same(dir+name+ext) || same(dir+"lib"+name+ext) {
					return true
				}
			}
		}
	}
	return false
}

// isOutputName reports whether rustc, or a linker for it, makes files with such
// an ending.
func isOutputName(name string) bool {
	switch _, ext, _ := strings.Cut(name, "."); ext {
	case "", "d", "so", "a", "rlib", "rmeta", "dwp", "dylib", "dll", "dll.a", "dll.lib", "dll.exp", "lib", "exp", "exe", "pdb", "wasm", "js", "o", "s", "S", "ll", "bc", "mir":
		return true
	}
	return false
}

// outputs lists deps or examples.
func (w *aroundWalk) outputs(profile, dir string) error {
	p := w.units[profile]
	var found []string
	err := list(filepath.Join(w.dir, dir), func(name []byte, k kind) {
		stem, _, _ := strings.Cut(string(name), ".")
		if _, id := splitID(stem); id != "" {
			if k == isOther {
				found = append(found, string(name))
			} else if !p.ids[id] {
				w.quiet(dir + "/" + string(name))
			}
			return
		}
		crate := strings.ReplaceAll(stem, "-", "_")
		_, bin := p.targets[crate]
		_, lib := p.targets[strings.TrimPrefix(crate, "lib")]
		if k == isFile && (bin || lib) && isOutputName(string(name)) {
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

// buildDirs lists what scripts, and in the newer layout all units, have.
func (w *aroundWalk) buildDirs(profile string) error {
	dir, p := profile+"/build", w.units[profile]
	var strange, pkgs []string
	err := list(filepath.Join(w.dir, dir), func(name []byte, k kind) {
		switch _, id := splitID(string(name)); {
		case k != isDir:
			strange = append(strange, dir+"/"+string(name))
		case id == "":
			pkgs = append(pkgs, dir+"/"+string(name))
		case !p.ids[id]:
			w.quiet(dir + "/" + string(name))
		}
	})
	for _, pkg := range pkgs {
		err = errors.Join(err, list(filepath.Join(w.dir, pkg), func(name []byte, k kind) {
			switch rel := pkg + "/" + string(name); {
			case k != isDir || !isUnitID(string(name)):
				strange = append(strange, rel)
			case !p.ids[string(name)]:
				w.quiet(rel)
			}
		}))
	}
	for _, u := range p.runs {
		_, outDir, _ := u.script()
		own := filepath.Dir(outDir)
		err = errors.Join(err, list(filepath.Join(w.dir, own), func(name []byte, _ kind) {
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

// stray lists what lies at rel, file by file, so that each finds who made it.
func (w *aroundWalk) stray(rel, top string, inProfile bool) error {
	if isLeft(path.Base(rel)) {
		return nil
	}
	s := &stray{path: rel, top: top}
	full := filepath.Join(w.dir, rel)
	if err := unix.Statx(unix.AT_FDCWD, full, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &s.st); err != nil {
		return &fs.PathError{Op: "stat", Path: full, Err: err}
	}
	switch s.st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		link, err := os.Readlink(full)
		if err != nil {
			return err
		}
		s.link = link
	case unix.S_IFREG:
	case unix.S_IFDIR:
		s.dir = true
		entries, err := os.ReadDir(full)
		if errors.Is(err, fs.ErrPermission) {
			s.quiet = true
			break
		}
		if err != nil {
			return err
		}
		switch {
		case isNested(entries) && !inProfile:
			w.found.nested = append(w.found.nested, rel)
			return nil
		case isNested(entries), isProfile(entries):
			s.builds = true
		case len(entries) > 0 && len(w.found.strays) < maxStrays:
			for _, e := range entries {
				if err := w.stray(rel+"/"+e.Name(), top, inProfile); err != nil {
					return err
				}
			}
			return nil
		}
	default:
		s.quiet = true
	}
	w.found.strays = append(w.found.strays, s)
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
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
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
			case !e.IsDir(), name == metaDir, name == "doc":
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
