package extent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Names lists what the texts lead to, by path. whole is true if anything in the
// workspace may be read, as nothing names what.
func (f *Finder) Names() (names []Name, whole bool) {
	f.names = map[string]Name{}
	if f.words["Command"] {
		f.follow()
	}
	for _, t := range f.texts {
		whole := plain(t.text)
		if up := climbing(t.text); up != "" {
			for _, base := range t.bases(f) {
				f.try(base, plain(up), true)
				f.try(base, whole, true)
			}
		}
	}
	for _, v := range f.variables {
		f.try(f.Root, plain(v[1]), f.words[v[0]])
		if plain(v[1]) == "" && f.words[v[0]] {
			f.leadsOutside = true
		}
	}
	outside := f.climbs || f.whole || f.leadsOutside
	for _, t := range f.texts {
		rel := plain(t.text)
		if climbing(t.text) != "" || rel == "" || !t.single && !strings.Contains(rel, "/") && !spelled(rel) {
			continue
		}
		f.try(f.Home, rel, false)
		if f.AtRoot {
			f.try(f.Root, rel, false)
		}
		if !outside {
			continue
		}
		for base := f.Home; paths.Below(base, f.Top); {
			base = filepath.Dir(base)
			f.try(base, rel, false)
		}
		if t.own != f.Home {
			f.try(t.own, rel, false)
		}
	}
	for _, n := range f.names {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b Name) int { return strings.Compare(a.Path, b.Path) })
	return names, f.lists && (f.whole || f.leadsOutside || f.climbs && f.starts)
}

// isFile reports whether a name is spelled as files are: with a dot in front, or an
// extension. Of other texts nobody can tell whether they are meant for a file.
func isFile(name string) bool {
	ext := filepath.Ext(name)
	return len(ext) > 1 && len(ext) <= 9 && (ext[1] >= 'a' && ext[1] <= 'z' || ext[1] >= 'A' && ext[1] <= 'Z')
}

// spelled reports whether a single name says by its spelling that it is a file's which
// a macro may be told to read. Manifests are named by much that does not read them.
func spelled(name string) bool {
	return isFile(name) && name != "Cargo.toml" && name != "Cargo.lock" && !Documentation(name)
}

// try adds what rel leads to from base, if that lies in the checkout, outside of the
// package, and not around it. What is not there counts if a text can mean nothing
// else, if it is spelled as a file, or if the directory that it begins with is there:
// git may ignore it, and then nothing else tells that it has appeared.
func (f *Finder) try(base, rel string, meant bool) {
	if rel == "" || base == "" {
		return
	}
	path := filepath.Join(base, rel)
	if f.around(path) {
		f.leadsOutside = f.leadsOutside || meant && path != f.Home
		return
	}
	if !paths.Below(path, f.Top) || f.Own(path) || strings.Contains(path+"/", "/.git/") ||
		slices.ContainsFunc(f.Apart, func(dir string) bool { return path == dir || paths.Below(path, dir) }) {
		return
	}
	if fi, err := os.Stat(path); err == nil {
		f.names[path] = Name{Path: path, Dir: fi.IsDir()}
		return
	}
	missing := path // the first part of it that is
	for {
		fi, err := os.Stat(filepath.Dir(missing))
		if err == nil && !fi.IsDir() {
			return
		}
		if err == nil {
			break
		}
		missing = filepath.Dir(missing)
	}
	parent := filepath.Dir(missing)
	switch {
	case f.Own(missing) || !paths.Below(missing, f.Root):
	case f.around(parent) && !meant && !isFile(filepath.Base(rel)):
	case f.around(parent) || isPackageDir(parent):
		f.names[missing] = Name{Path: missing, Absent: true}
	default:
		// The rest of the name may be put together of pieces.
		f.names[parent] = Name{Path: parent, Dir: true}
	}
}

// around reports whether a directory holds the package or the workspace.
func (f *Finder) around(dir string) bool {
	return dir == "/" || dir == f.Home || dir == f.Root || paths.Below(f.Home, dir) || paths.Below(f.Root, dir)
}

func isPackageDir(dir string) bool {
	_, err := os.Stat(dir + "/Cargo.toml")
	return err == nil
}
