package cargo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// recordLinkInputs makes inputs of what a linker, or rustc where it bundles libraries, has
// taken up into a unit: nobody lists it. A program may have taken any library of the
// directories that were named, a library only those that it asks for.
func (b *describer) recordLinkInputs(s *subject) error {
	links, bundles := s.u.links()
	if !links && !bundles {
		return nil
	}
	t := &taking{b: b, s: s, link: b.links.linkage(s.u, s.pkg)}
	if b.rules.On(RuleLinkInput) {
		t.line = linking.NewLine(t.link.base, slices.Concat(t.link.flags.Dirs, t.link.scripts.Dirs)...)
		if links {
			t.line.Add(slices.Concat(t.link.flags.Values, t.link.scripts.Values)...)
			t.anyLibrary()
			t.files()
			t.tools()
		} else {
			t.bundled()
		}
	}
	if links && (len(t.link.runs) > 0 || t.linksFile()) {
		return t.names()
	}
	return nil
}

// linksFile reports whether flags hand a file on to a linker that can differ unseen,
// such as one that says of versions: a linker may put the name of what it writes where
// such a file says nothing.
func (t *taking) linksFile() bool {
	return t.line != nil && slices.ContainsFunc(t.line.Files, func(f linking.File) bool {
		return slices.ContainsFunc(f.Paths, func(path string) bool { _, loose := t.loc(path); return loose })
	})
}

// taking is one unit with what it may have taken up.
type taking struct {
	b    *describer
	s    *subject
	link *linkage
	line *linking.Line // nil where that is not asked
}

// loc is where a path is found in another checkout, false where it needs no looking
// at.
func (t *taking) loc(path string) (Loc, bool) {
	if !t.b.links.isLoose(path) {
		return Loc{}, false
	}
	for _, name := range t.fixed() {
		if _, below := paths.Under(path, name); below {
			return Loc{BaseFixed, path}, true // wherever cargo is called
		}
	}
	loc, _ := t.s.origin.locate(path)
	return loc, loc.Base != BaseBuild
}

// fixed are the absolute paths that flags have in them: they are the same wherever
// cargo is called.
func (t *taking) fixed() (paths []string) {
	for _, value := range slices.Concat(t.link.flags.Dirs, t.link.flags.Values) {
		for _, word := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",= ", r) }) {
			if filepath.IsAbs(word) {
				paths = append(paths, word)
			}
		}
	}
	return paths
}

// dirs are the directories that libraries are looked for in.
func (t *taking) dirs() []Loc {
	var list []Loc
	for _, dir := range t.line.Dirs {
		if loc, loose := t.loc(dir); loose && !slices.Contains(list, loc) {
			list = append(list, loc)
		}
	}
	return list
}

// anyLibrary makes all libraries of the named directories inputs: what is asked for is
// known to what is linked, and to sources that may be another crate's macro's.
func (t *taking) anyLibrary() {
	for i := 0; i < len(t.line.Dirs); i++ { // a library may be a script that names more
		loc, loose := t.loc(t.line.Dirs[i])
		if !loose {
			continue
		}
		path, _ := t.b.place.Abs(loc)
		entries, err := os.ReadDir(path)
		if err != nil {
			t.s.use(Input{Loc: loc, Kind: InputAbsent}, RuleLinkInput)
			continue
		}
		t.s.useTree(loc, scopeLibraries, RuleLinkInput)
		for _, e := range entries {
			if linking.IsLibrary(e.Name()) {
				t.library(loc.join(e.Name()), path+"/"+e.Name())
			}
		}
	}
	if len(t.dirs()) == 0 {
		return
	}
	// A name may be all of a file's, whatever that is.
	for _, lib := range slices.Concat(t.link.flags.Libraries, t.link.scripts.Libraries, t.line.Libraries) {
		t.named(lib.Name)
	}
	for _, l := range t.s.u.linkedUnits() {
		if l.rustc == nil || !l.mutable() {
			continue
		}
		for _, name := range l.rustc.Deps {
			src, err := t.b.sources.read(name, t.s.origin)
			if err != nil {
				continue // its own unit is in doubt
			}
			for _, link := range rustsrc.Links(src) {
				t.named(link.Name)
			}
		}
	}
}

func (t *taking) library(loc Loc, path string) {
	if linking.IsThin(path) {
		t.s.always(RuleInDoubt, loc.display()+" holds the names of its members only")
	}
	t.line.Script(path)
}

// named makes inputs of the files of one name in all directories, if there is one.
func (t *taking) named(name string) {
	if name == "" {
		return
	}
	var all []Loc
	there := false
	for _, dir := range t.dirs() {
		loc := dir.join(name)
		path, _ := t.b.place.Abs(loc)
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

// fileOrNone makes a file an input, or that there is none, which one that is found
// later would be behind.
func (t *taking) fileOrNone(loc Loc) {
	path, ok := t.b.place.Abs(loc)
	if !ok {
		return
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		t.s.use(Input{Loc: loc, Kind: InputAbsent}, RuleLinkInput)
	case !info.IsDir():
		t.s.useFile(loc, RuleLinkInput)
	}
}

// files makes inputs of those that arguments and scripts name.
func (t *taking) files() {
	for _, f := range t.line.Files {
		for _, path := range f.Paths {
			if loc, loose := t.loc(path); loose {
				t.fileOrNone(loc)
			}
		}
	}
}

// tools makes inputs of directories that linkers and start files may come from.
func (t *taking) tools() {
	for _, dir := range t.line.Tools {
		loc, loose := t.loc(t.line.Abs(dir))
		path, _ := t.b.place.Abs(loc)
		if info, err := os.Stat(path); loose && loc.Base == BaseRoot && err == nil && info.IsDir() {
			t.s.useTree(loc, scopeWatch, RuleLinkInput)
		}
	}
}

// bundled makes inputs of the libraries that a library has taken in: those that its
// script and flags ask for, and those of which it has a member, whoever wrote the
// attribute.
func (t *taking) bundled() {
	dirs := t.dirs()
	if len(dirs) == 0 {
		return
	}
	var members []string
	for _, o := range t.s.u.outputs {
		if filepath.Ext(o.path) == ".rlib" {
			members, _ = linking.Members(filepath.Join(t.b.dir.dir, o.path))
		}
	}
	asked := slices.Concat(t.link.own, t.link.flags.Libraries)
	for _, dir := range dirs {
		path, _ := t.b.place.Abs(dir)
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
				t.fileOrNone(dir.join(name))
				if path, _ := t.b.place.Abs(dir.join(name)); linking.IsThin(path) {
					t.s.always(RuleInDoubt, dir.join(name).display()+" holds the names of its members only")
				}
			}
		}
	}
}

// names looks in a unit for names of the origin where arguments were handed on to its
// linker: a run path, the name of an interpreter or of a library are kept as they were
// given, a script's own output directory among them.
func (t *taking) names() error {
	b, u := t.b, t.s.u
	if !b.rules.On(RuleLinkOrigin) {
		return nil
	}
	w, err := newWitness(b.dir.dir, u, t.s.origin)
	if err != nil {
		return err
	}
	w.Sources = append(w.Sources, t.fixed()...)
	// Panics name the sources of all that is linked.
	for _, l := range u.linkedUnits() {
		if l == u {
			continue
		}
		if l.recalled {
			if err := b.dir.reread(l); err != nil {
				return err
			}
		}
		if l.rustc != nil {
			w.addSources(l.rustc.Deps)
		}
	}
	if around, found := w.namesOrigin(); found {
		t.s.elsewhere(RuleLinkOrigin, "its linker has put "+strings.TrimSpace(around)+" into it")
	}
	return nil
}

// libraries lists what in one directory may be taken for a library. Outside of the
// checkout, where there may be many and large ones, a file is told by its size and
// time: it is the same one for all checkouts, or none.
func (r *treeReader) libraries(dir string, outside bool) (entries []TreeEntry, newest newestEntry, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, newest, err
	}
	note := func(path string, at int64) {
		if at > newest.changed {
			newest = newestEntry{path, at}
		}
	}
	// A file that was taken away shows in the directory's time alone. That which holds
	// the build directory gets another one by our own hands.
	if _, ours := paths.Under(r.place.Workspace.BuildDir, dir); !ours {
		if info, err := os.Stat(dir); err == nil {
			note(dir, info.ModTime().UnixNano())
		}
	}
	for _, e := range list {
		path := dir + "/" + e.Name()
		if !linking.IsLibrary(e.Name()) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if outside {
			st := info.Sys().(*syscall.Stat_t)
			note(path, max(st.Mtim.Nano(), st.Ctim.Nano()))
			entries = append(entries, TreeEntry{Path: Path(e.Name()), Value: fmt.Sprintf("%d bytes, %d", st.Size, st.Mtim.Nano())})
			continue
		}
		st := r.digests.file(path)
		if st.err != nil {
			return nil, newest, st.err
		}
		note(path, st.changed)
		entries = append(entries, TreeEntry{Path: Path(e.Name()), Value: st.digest})
	}
	return entries, newest, nil
}
