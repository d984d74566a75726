package cargo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/embeds"
	"github.com/cargo-cow/cargo-cow/layers/cargo/linkage"
	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// recordLinkInputs makes inputs of what a linker, or rustc where it bundles libraries, may
// have put into a unit: nothing lists that. A program may hold any library of the
// directories that were named, a library only those that it asks for.
func (b *describer) recordLinkInputs(s *subject) error {
	links, bundles := s.u.Links()
	if !links && !bundles {
		return nil
	}
	t := &linkCollector{b: b, s: s, link: b.links.Of(s.u, s.pkg)}
	if b.rules.On(rule.LinkInput) {
		t.line = linking.NewLine(t.link.Base, slices.Concat(t.link.Flags.Dirs, t.link.Scripts.Dirs)...)
		if links {
			t.line.Add(slices.Concat(t.link.Flags.Values, t.link.Scripts.Values)...)
			t.anyLibrary()
			t.files()
			t.tools()
		} else {
			t.bundled()
		}
	}
	if links && (len(t.link.Runs) > 0 || t.linksFile()) {
		return t.names()
	}
	return nil
}

// linksFile reports whether flags hand a file on to a linker that can change without
// anyone noticing, such as a version script: if the file names no version, a linker may
// use the name of its output instead.
func (t *linkCollector) linksFile() bool {
	return t.line != nil && slices.ContainsFunc(t.line.Files, func(f linking.File) bool {
		return slices.ContainsFunc(f.Paths, func(path string) bool { _, loose := t.loc(path); return loose })
	})
}

// linkCollector collects what may have been linked into one unit.
type linkCollector struct {
	b    *describer
	s    *subject
	link *linkage.CommandLine
	line *linking.Line // nil if rule.LinkInput is off
}

// loc returns where a path lies in any checkout, and whether it has to be compared
// there.
func (t *linkCollector) loc(path string) (rooted.Path, bool) {
	if !t.b.links.IsLoose(path) {
		return rooted.Path{}, false
	}
	for _, name := range t.fixed() {
		if _, below := paths.Under(path, name); below {
			return rooted.Path{Root: rooted.Absolute, Rel: path}, true // wherever cargo is called
		}
	}
	loc, _ := t.s.origin.Locate(path)
	return loc, loc.Root != rooted.Build
}

// fixed returns the absolute paths in flags: they are the same wherever cargo is called.
func (t *linkCollector) fixed() (paths []string) {
	for _, value := range slices.Concat(t.link.Flags.Dirs, t.link.Flags.Values) {
		for _, word := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",= ", r) }) {
			if filepath.IsAbs(word) {
				paths = append(paths, word)
			}
		}
	}
	return paths
}

// dirs returns the directories in which libraries are looked for, as far as they have to
// be compared.
func (t *linkCollector) dirs() []rooted.Path {
	var list []rooted.Path
	for _, dir := range t.line.Dirs {
		if loc, loose := t.loc(dir); loose && !slices.Contains(list, loc) {
			list = append(list, loc)
		}
	}
	return list
}

// anyLibrary makes inputs of all libraries in the named directories: which of them are
// asked for, only the linked crates know, and that may come from a macro of another crate.
func (t *linkCollector) anyLibrary() {
	for i := 0; i < len(t.line.Dirs); i++ { // a library may be a script that names more
		loc, loose := t.loc(t.line.Dirs[i])
		if !loose {
			continue
		}
		path, _ := t.b.checkout.Abs(loc)
		entries, err := os.ReadDir(path)
		if err != nil {
			t.s.use(manifest.Input{Path: loc, Kind: manifest.InputAbsent}, rule.LinkInput)
			continue
		}
		t.s.useTree(loc, manifest.ScopeLibraries, rule.LinkInput)
		for _, e := range entries {
			if linking.IsLibrary(e.Name()) {
				t.library(loc.Join(e.Name()), path+"/"+e.Name())
			}
		}
	}
	if len(t.dirs()) == 0 {
		return
	}
	// The name of a library may be that of a file, whatever its extension.
	for _, lib := range slices.Concat(t.link.Flags.Libraries, t.link.Scripts.Libraries, t.line.Libraries) {
		t.named(lib.Name)
	}
	for _, l := range t.s.u.LinkedUnits() {
		if l.SourceList == nil || !l.Mutable() {
			continue
		}
		for _, name := range l.SourceList.Deps {
			src, err := t.b.sources.Read(name, t.s.origin)
			if err != nil {
				continue // its own unit is in doubt
			}
			for _, link := range rustsrc.Links(src) {
				t.named(link.Name)
			}
		}
	}
}

func (t *linkCollector) library(loc rooted.Path, path string) {
	if linking.IsThin(path) {
		t.s.always(rule.InDoubt, loc.Display()+" holds the names of its members only")
	}
	t.line.Script(path)
}

// named makes inputs of the files of this name in all directories, if one has such a
// file.
func (t *linkCollector) named(name string) {
	if name == "" {
		return
	}
	var all []rooted.Path
	there := false
	for _, dir := range t.dirs() {
		loc := dir.Join(name)
		path, _ := t.b.checkout.Abs(loc)
		info, err := os.Stat(path)
		there = there || err == nil && !info.IsDir()
		all = append(all, loc)
	}
	if there {
		for _, loc := range all {
			t.fileOrNone(loc)
		}
	}
}

// fileOrNone makes an input of a file, or of its absence: if it appeared, it would be found
// before others of its name.
func (t *linkCollector) fileOrNone(loc rooted.Path) {
	path, ok := t.b.checkout.Abs(loc)
	if !ok {
		return
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		t.s.use(manifest.Input{Path: loc, Kind: manifest.InputAbsent}, rule.LinkInput)
	case !info.IsDir():
		t.s.useFile(loc, rule.LinkInput)
	}
}

// files makes inputs of the files that arguments and scripts of the linker name.
func (t *linkCollector) files() {
	for _, f := range t.line.Files {
		for _, path := range f.Paths {
			if loc, loose := t.loc(path); loose {
				t.fileOrNone(loc)
			}
		}
	}
}

// tools makes inputs of the directories that linkers and start files may come from.
func (t *linkCollector) tools() {
	for _, dir := range t.line.Tools {
		loc, loose := t.loc(t.line.Abs(dir))
		path, _ := t.b.checkout.Abs(loc)
		if info, err := os.Stat(path); loose && loc.Root == rooted.Workspace && err == nil && info.IsDir() {
			t.s.useTree(loc, manifest.ScopeWatch, rule.LinkInput)
		}
	}
}

// bundled makes inputs of the libraries that are bundled into a library: those that its
// script and flags ask for, and those of which it holds a member, whichever crate has the
// attribute.
func (t *linkCollector) bundled() {
	dirs := t.dirs()
	if len(dirs) == 0 {
		return
	}
	var members []string
	for _, o := range t.s.u.Outputs {
		if filepath.Ext(o.Path) == ".rlib" {
			members, _ = linking.Members(filepath.Join(t.b.dir.Path, o.Path))
		}
	}
	asked := slices.Concat(t.link.Own, t.link.Flags.Libraries)
	for _, dir := range dirs {
		path, _ := t.b.checkout.Abs(dir)
		entries, _ := os.ReadDir(path)
		for _, e := range entries {
			if name := linking.Of(e.Name()); name != "" && linking.IsArchive(e.Name()) && linking.Bundles(members, path+"/"+e.Name()) {
				asked = append(asked, linking.Library{Name: name})
			}
		}
	}
	for _, lib := range asked {
		for _, name := range lib.Names() {
			for _, dir := range dirs {
				t.fileOrNone(dir.Join(name))
				if path, _ := t.b.checkout.Abs(dir.Join(name)); linking.IsThin(path) {
					t.s.always(rule.InDoubt, dir.Join(name).Display()+" holds the names of its members only")
				}
			}
		}
	}
}

// names looks in a unit for names of the origin that arguments have handed on to its
// linker: a run path, the name of an interpreter or of a library are kept as they were
// given, even one in a script's own output directory.
func (t *linkCollector) names() error {
	b, u := t.b, t.s.u
	if !b.rules.On(rule.LinkOrigin) {
		return nil
	}
	w, err := embeds.NewSearch(b.dir.Path, u, t.s.origin)
	if err != nil {
		return err
	}
	w.Sources = append(w.Sources, t.fixed()...)
	// Panics name the sources of all that is linked.
	for _, l := range u.LinkedUnits() {
		if l == u {
			continue
		}
		if l.Cached {
			if err := b.dir.Reload(l); err != nil {
				return err
			}
		}
		if l.SourceList != nil {
			w.AddSources(l.SourceList.Deps)
		}
	}
	if excerpt, found := w.NamesOrigin(); found {
		t.s.elsewhere(rule.LinkOrigin, "its linker has put "+strings.TrimSpace(excerpt)+" into it")
	}
	return nil
}
