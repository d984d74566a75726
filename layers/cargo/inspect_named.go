package cargo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
	"github.com/cargo-cow/cargo-cow/layers/cargo/inputs"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/cargo/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rooted"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A script or macro reads what it was written to read: the files of its own package,
// those beside the packages, and those of other packages that something names. Names
// stand as texts in its sources, in those of the crates that it is made of, in the
// arguments of a macro, and in files of the package that it reads.

// sourceTexts is what a source file says.
type sourceTexts struct{ texts, words []string }

// climbingText is a text with "..", and the directory of the file it is in.
type climbingText struct{ text, dir string }

// textReader reads texts of sources and of files beside them, each file once for all
// units.
type textReader struct {
	checkout *checkout.Checkout
	from     *checkout.Attribution
	trees    *inputs.TreeReader
	sources  map[string]sourceTexts    // by name
	climbing map[string][]climbingText // by package
}

// useNamed makes inputs of what a subject's script or macros may read by name outside of
// their package.
func (r *textReader) useNamed(s *subject, by rule.Rule) {
	f := r.finder(s)
	names, whole := f.Names()
	for _, n := range names {
		rel, err := filepath.Rel(r.checkout.Workspace.Root, n.Path)
		if err != nil {
			continue
		}
		switch loc := (rooted.Path{Root: rooted.Workspace, Rel: rel}); {
		case n.Absent:
			s.use(manifest.Input{Path: loc, Kind: manifest.InputAbsent}, by)
		case n.Dir:
			s.useTree(loc, manifest.ScopeNamed, by)
		default:
			s.useFile(loc, by)
		}
	}
	if whole {
		s.useTree(rooted.Path{Root: rooted.Workspace}, manifest.ScopeNamed, by)
	}
	if s.u.Run && f.Has("DEP_") {
		for _, d := range s.u.Deps { // scripts whose packages told where their files lie
			if d == nil || !d.Run || !d.Mutable() {
				continue
			}
			if p := r.from.PackageOf(d); p != nil {
				s.useTree(r.from.HomeOf(p), manifest.ScopePackage, by)
			}
		}
	}
}

// finder returns a finder with all texts that may name what a subject's script or macros
// read.
func (r *textReader) finder(s *subject) *extent.Finder {
	ws := r.checkout.Workspace
	f := &extent.Finder{
		Root: ws.Root, Top: extent.Top(ws.Root), Home: s.pkg.Root, Apart: []string{ws.BuildDir, ws.TargetDir}, AtRoot: !s.u.Run,
		Own: func(path string) bool { p := ws.PackageOf(path); return p != nil && p.Root == s.pkg.Root },
	}
	if s.u.Run {
		for _, d := range s.u.Deps {
			if d != nil && d.Kind == builddir.KindScript {
				r.addProgram(f, d, s.origin, map[*builddir.Unit]bool{})
			}
		}
	} else {
		r.addSources(f, s.u, s.origin, false)
		r.addMacros(f, s.u, s.origin, map[*builddir.Unit]bool{})
	}
	for _, t := range r.packageTexts(s.pkg) {
		f.Text(t.text, t.dir, s.pkg.Root, false)
	}
	for line := range strings.Lines(r.checkout.Env) {
		var name, value string
		if n, _ := fmt.Sscanf(line, "%q=%q", &name, &value); n == 2 {
			f.Variable(name, value)
		}
	}
	return f
}

// addProgram adds the sources of a program that runs, and of all path packages that it
// is made of.
func (r *textReader) addProgram(f *extent.Finder, u *builddir.Unit, o *checkout.Origin, seen map[*builddir.Unit]bool) {
	if u == nil || u.Run || seen[u] {
		return
	}
	seen[u] = true
	if u.Package == "cargo_metadata" {
		f.Program("MetadataCommand")
	}
	if u.Mutable() {
		r.addSources(f, u, o, true)
	}
	for _, d := range u.Deps {
		r.addProgram(f, d, o, seen)
	}
}

// addMacros adds the sources of path packages' macros that a unit may use, and of the
// libraries in between: those may hand on calls of macros, with their arguments.
func (r *textReader) addMacros(f *extent.Finder, u *builddir.Unit, o *checkout.Origin, seen map[*builddir.Unit]bool) {
	for _, d := range u.Deps {
		switch {
		case d == nil || d.Run || seen[d]:
		case d.Kind == builddir.KindMacro:
			if d.Mutable() {
				r.addProgram(f, d, o, seen)
			}
		default:
			seen[d] = true
			if d.Mutable() && r.handsOn(d, o) {
				r.addSources(f, d, o, false)
			}
			r.addMacros(f, d, o, seen)
		}
	}
}

// handsOn reports whether a library has macros of its own.
func (r *textReader) handsOn(u *builddir.Unit, o *checkout.Origin) bool {
	for _, s := range r.textsOf(u, o) {
		if slices.Contains(s.words, "macro_rules") {
			return true
		}
	}
	return false
}

// addSources adds the texts in the sources of a unit.
func (r *textReader) addSources(f *extent.Finder, u *builddir.Unit, o *checkout.Origin, program bool) {
	own := ""
	if p := r.from.PackageOf(u); p != nil {
		own = p.Root
	}
	for path, s := range r.textsOf(u, o) {
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

// textsOf returns the texts in the Rust sources of a unit, by absolute path.
func (r *textReader) textsOf(u *builddir.Unit, o *checkout.Origin) map[string]sourceTexts {
	all := map[string]sourceTexts{}
	if u.SourceList == nil {
		return all
	}
	for _, name := range u.SourceList.Deps {
		if filepath.Ext(name) != ".rs" {
			continue
		}
		path := r.from.Resolve(name)
		if filepath.IsAbs(name) {
			loc, _ := o.Locate(name)
			if loc.Root == rooted.Build || r.checkout.Workspace.Immutable(name) {
				continue
			}
			path, _ = r.checkout.Abs(loc)
		}
		s, known := r.sources[path]
		if !known {
			if src, err := regular.Read(path); err == nil {
				s.texts, s.words = rustsrc.Texts(src)
			}
			r.sources[path] = s
		}
		all[path] = s
	}
	return all
}

// packageTexts lists the texts with ".." in files of a package that are not Rust:
// sources of C that include each other, files that name what is to be read.
func (r *textReader) packageTexts(pkg *project.Package) []climbingText {
	if list, ok := r.climbing[pkg.Root]; ok {
		return list
	}
	var list []climbingText
	entries, _, _ := r.trees.Read(r.from.HomeOf(pkg), manifest.ScopePackage)
	for _, e := range entries {
		path := pkg.Root + "/" + string(e.Path)
		if e.Ignored || e.Value == "/" || !extent.Follows(filepath.Base(path)) {
			continue
		}
		if fi, err := os.Stat(path); err != nil || !fi.Mode().IsRegular() || fi.Size() > extent.LargestText {
			continue
		}
		text, err := regular.Read(path)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			continue
		}
		extent.Climbing(text, func(t string) { list = append(list, climbingText{t, filepath.Dir(path)}) })
	}
	r.climbing[pkg.Root] = list
	return list
}
