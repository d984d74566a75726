package main

import (
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/extent"
)

// misled reports whether a symbolic link that a macro may read through leads
// elsewhere when it is seen at the other path: one in the package, or at the top of
// the workspace or the checkout, where links for tools and editors are put. What
// rustc itself reads it lists, and that is looked at when it has ended.
func (v *viewedCall) misled() bool {
	dirs := []string{v.mapping.here}
	if v.handoff.Root != v.mapping.here {
		dirs = append(dirs, v.handoff.Root)
	}
	own := ""
	for _, e := range v.env {
		if dir, ok := strings.CutPrefix(e, "CARGO_MANIFEST_DIR="); ok {
			own = dir
		}
	}
	l := &links{mapping: v.mapping, build: v.build, own: extent.Of(v.mapping.here), left: mostEntries}
	return slices.ContainsFunc(dirs, func(dir string) bool { return dir != own && l.in(dir, l.read(dir)) }) ||
		own != "" && l.below(own, l.read(own))
}

// mostEntries bounds what is looked at in a package: 38 to 66 ms (500 directories of
// 99 files, on ext4), against the seconds that the state of a crate of that size
// saves. One that has more in it (a tree of another language's modules, say) is
// compiled where it lies.
const mostEntries = 50_000

// links is a search for symbolic links that mislead.
type links struct {
	mapping *mapping
	build   string
	own     *extent.Checkout
	left    int // how many entries may still be looked at; negative: it was given up
}

func (l *links) read(dir string) []fs.DirEntry {
	f, err := os.Open(dir)
	if err != nil {
		l.left = -1
		return nil
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if l.left -= len(entries); err != nil {
		l.left = -1
	}
	return entries
}

// in reports whether one of a directory's entries is such a link.
func (l *links) in(dir string, entries []fs.DirEntry) bool {
	for _, e := range entries {
		if e.Type() != fs.ModeSymlink {
			continue
		}
		to, err := os.Readlink(dir + "/" + e.Name())
		if err != nil || l.mapping.misleads(dir, to) {
			return true
		}
	}
	return l.left < 0
}

// below reports whether there is such a link in a directory or below. Build
// directories and other checkouts are no part of a package.
func (l *links) below(dir string, entries []fs.DirEntry) bool {
	if l.in(dir, entries) {
		return true
	}
	for _, e := range entries {
		sub := dir + "/" + e.Name()
		if !e.IsDir() || e.Name() == ".git" || sub == l.build {
			continue
		}
		if inside := l.read(sub); !l.apart(sub, inside) && l.below(sub, inside) {
			return true
		}
	}
	return l.left < 0
}

// apart reports whether a directory is a build directory, or another checkout.
func (l *links) apart(dir string, entries []fs.DirEntry) bool {
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() == "CACHEDIR.TAG" || e.Name() == ".git" && l.own.Nested(dir) != extent.Part
	})
}
