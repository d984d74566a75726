package main

import (
	"io/fs"
	"os"
	"slices"
	"strings"
)

// misled reports whether a symbolic link that a macro may read through leads
// elsewhere when it is seen at the other path: one in the package, or at the top of
// the workspace and the checkout, where links for tools and editors are put. What
// rustc itself has read it lists, so that is looked at when it is done.
func (j *job) misled() bool {
	dirs := []string{j.paths.here}
	if j.place.Root != j.paths.here {
		dirs = append(dirs, j.place.Root)
	}
	own := ""
	for _, e := range j.env {
		if dir, ok := strings.CutPrefix(e, "CARGO_MANIFEST_DIR="); ok {
			own = dir
		}
	}
	l := &links{paths: j.paths, build: j.build, left: mostEntries}
	return slices.ContainsFunc(dirs, func(dir string) bool { return dir != own && l.mislead(dir, false) }) ||
		own != "" && l.mislead(own, true)
}

// mostEntries bounds what is looked at in a package: 50 ms, against the seconds
// that the state of a crate of that size saves. One that has more in it (a tree of
// another language's modules, say) is compiled where it lies.
const mostEntries = 50_000

// links is a search for symbolic links.
type links struct {
	paths *paths
	build string
	left  int // how many entries may still be looked at
}

// mislead looks at the links in a directory and, if deep, below. Build directories
// and checkouts in it are no part of a package.
func (l *links) mislead(dir string, deep bool) bool {
	f, err := os.Open(dir)
	if err != nil {
		return true
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if l.left -= len(entries); err != nil || l.left < 0 {
		return true
	}
	for _, e := range entries {
		if e.Type() != fs.ModeSymlink {
			continue
		}
		to, err := os.Readlink(dir + "/" + e.Name())
		if err != nil || l.paths.misleads(dir, to) {
			return true
		}
	}
	if !deep {
		return false
	}
	for _, e := range entries {
		below := dir + "/" + e.Name()
		if e.IsDir() && e.Name() != ".git" && below != l.build && !apart(below) && l.mislead(below, true) {
			return true
		}
	}
	return false
}

// apart reports whether a directory is a build directory or a checkout.
func apart(dir string) bool {
	for _, sign := range []string{"/CACHEDIR.TAG", "/.git"} {
		if _, err := os.Lstat(dir + sign); err == nil {
			return true
		}
	}
	return false
}
