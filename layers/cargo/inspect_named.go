package cargo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
)

// A script or macro reads what it was written to read: the files of its own package,
// those beside the packages, and those of other packages that something names. What
// names them are texts in its sources, in those of the crates that it is made of, in
// the arguments of a macro, and in files of the package that it reads.

// sourceTexts is what a source file says.
type sourceTexts struct{ texts, words []string }

// climbingText is a text with "..", and the directory of the file it is in.
type climbingText struct{ text, dir string }

// useNamed makes inputs of what a unit's script or macros may read outside of their
// package by name.
func (b *inspector) useNamed(u *built, unit *Unit, o *Origin, pkg *Package, rule Rule) {
	ws := b.in.Place.Workspace
	f := &extent.Finder{
		Root: ws.Root, Top: extent.Top(ws.Root), Home: pkg.Root, Apart: []string{ws.BuildDir, ws.TargetDir}, AtRoot: !u.run,
		Own: func(path string) bool { p := ws.packageOf(path); return p != nil && p.Root == pkg.Root },
	}
	if u.run {
		for _, d := range u.deps {
			if d != nil && d.Kind == kindScript {
				b.texts(f, d, o, true, map[*built]bool{})
			}
		}
	} else {
		b.sourceTexts(f, u, o, false)
		b.macroTexts(f, u, o, map[*built]bool{})
	}
	for _, t := range b.packageTexts(pkg) {
		f.Text(t.text, t.dir, pkg.Root, false)
	}
	for line := range strings.Lines(b.in.Place.Env) {
		var name, value string
		if n, _ := fmt.Sscanf(line, "%q=%q", &name, &value); n == 2 {
			f.Variable(name, value)
		}
	}
	names, whole := f.Names()
	for _, n := range names {
		rel, err := filepath.Rel(ws.Root, n.Path)
		if err != nil {
			continue
		}
		switch loc := (Loc{BaseRoot, rel}); {
		case n.Absent:
			b.use(unit, Input{Loc: loc, Kind: InputAbsent}, rule)
		case n.Dir:
			b.useTree(u, unit, loc, scopeNamed, rule)
		default:
			b.useFile(u, unit, loc, rule)
		}
	}
	if whole {
		b.useTree(u, unit, Loc{Base: BaseRoot}, scopeNamed, rule)
	}
	if u.run && f.Has("DEP_") {
		for _, d := range u.deps { // scripts whose packages told where their files lie
			if d == nil || !d.run || !d.mutable() {
				continue
			}
			if p := b.from.packageOf(d); p != nil {
				b.useTree(u, unit, b.home(p), scopePackage, rule)
			}
		}
	}
}

// texts adds the sources of a program that runs, and of all path packages that it is
// made of.
func (b *inspector) texts(f *extent.Finder, u *built, o *Origin, program bool, seen map[*built]bool) {
	if u == nil || u.run || seen[u] {
		return
	}
	seen[u] = true
	if u.pkg == "cargo_metadata" {
		f.Program("MetadataCommand")
	}
	if u.mutable() {
		b.sourceTexts(f, u, o, program)
	}
	for _, d := range u.deps {
		b.texts(f, d, o, program, seen)
	}
}

// macroTexts adds the sources of path packages' macros that a unit may use, and of the
// libraries in between: those may hand on calls of macros, with their arguments.
func (b *inspector) macroTexts(f *extent.Finder, u *built, o *Origin, seen map[*built]bool) {
	for _, d := range u.deps {
		switch {
		case d == nil || d.run || seen[d]:
		case d.Kind == kindMacro:
			if d.mutable() {
				b.texts(f, d, o, true, seen)
			}
		default:
			seen[d] = true
			if d.mutable() && b.handsOn(d, o) {
				b.sourceTexts(f, d, o, false)
			}
			b.macroTexts(f, d, o, seen)
		}
	}
}

// handsOn reports whether a library has macros of its own.
func (b *inspector) handsOn(u *built, o *Origin) bool {
	for _, s := range b.textsOf(u, o) {
		if slices.Contains(s.words, "macro_rules") {
			return true
		}
	}
	return false
}

// sourceTexts adds what the sources of a unit say.
func (b *inspector) sourceTexts(f *extent.Finder, u *built, o *Origin, program bool) {
	own := ""
	if p := b.from.packageOf(u); p != nil {
		own = p.Root
	}
	for path, s := range b.textsOf(u, o) {
		for _, t := range s.texts {
			f.Text(t, filepath.Dir(path), own, program)
			if program {
				f.Program(t)
			}
		}
		if program {
			for _, w := range s.words {
				f.Program(w)
			}
		}
	}
}

// textsOf reads the sources of a unit, each once for all units.
func (b *inspector) textsOf(u *built, o *Origin) map[string]sourceTexts {
	all := map[string]sourceTexts{}
	if u.rustc == nil {
		return all
	}
	for _, name := range u.rustc.Deps {
		if filepath.Ext(name) != ".rs" {
			continue
		}
		path := b.from.absolute(name)
		if filepath.IsAbs(name) {
			loc, _ := o.locate(name)
			if loc.Base == BaseBuild || b.in.Place.Workspace.immutable(name) {
				continue
			}
			path, _ = b.in.Place.Abs(loc)
		}
		s, known := b.spelled[path]
		if !known {
			if src, err := os.ReadFile(path); err == nil {
				s.texts, s.words = rustsrc.Texts(src)
			}
			b.spelled[path] = s
		}
		all[path] = s
	}
	return all
}

// packageTexts lists the texts with ".." in files of a package that are no Rust:
// sources of C that include each other, files that name what is to be read.
func (b *inspector) packageTexts(pkg *Package) []climbingText {
	if list, ok := b.climbing[pkg.Root]; ok {
		return list
	}
	var list []climbingText
	entries, _, _ := b.trees.read(b.home(pkg), scopePackage)
	for _, e := range entries {
		path := pkg.Root + "/" + string(e.Path)
		if e.Ignored || e.Value == "/" || !extent.Follows(filepath.Base(path)) {
			continue
		}
		if fi, err := os.Stat(path); err != nil || !fi.Mode().IsRegular() || fi.Size() > extent.LargestText {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			continue
		}
		extent.Climbing(text, func(t string) { list = append(list, climbingText{t, filepath.Dir(path)}) })
	}
	b.climbing[pkg.Root] = list
	return list
}
