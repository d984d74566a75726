// Package locate finds the store that a build directory belongs to, by one rule for
// the commands and for the wrapper of rustc.
//
// A store serves the build directories of the file system it is on. So of all stores that
// there may be, in their order, the first counts whose files can share data with the build
// directory. Paths, device numbers and mounts do not tell which can: one Btrfs has many of
// each. It is found out by cloning a file.
//
// A store that is not there, cannot serve here, or cannot be written to is passed
// over or used as it is; nothing is ever forgotten for it. The package only looks:
// the one thing it makes is a file without a name, for the trial.
//
// The wrapper runs this for each unit of a build, so it imports next to nothing. The
// functions may be called by any number of goroutines and processes at once.
package locate

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A Question is which build directory's store is looked for, and what may tell. All paths are absolute
// and without symbolic links; "" is nothing.
type Question struct {
	// BuildDir is the build directory, or any directory in it. It need not exist.
	BuildDir string
	// Remembered are the stores that the repository remembers, in its order.
	Remembered []Remembered
	// Noted is the store that the build directory says it belongs to.
	Noted Remembered
	// Configured is the one that the user's configuration names, for all repositories
	// that were not given one of their own. No other is looked for.
	Configured string
	// Data is the directory of this program's data, where ChosenFile and the list of stores that were made are.
	Data string
	// Cache is where a store is made that cannot be beside what it serves.
	Cache string
}

// Kind is what a store that was found can do for the build directory.
type Kind int

const (
	// Absent: there is none.
	Absent Kind = iota
	// Far: it is on another file system, and its layers cannot be cloned from there.
	// Its units can be copied.
	Far
	// Copying: it holds copies, which serve anywhere, and nobody asked for it.
	Copying
	// Near: it serves.
	Near
)

// Find returns the store that a build directory belongs to, the best there is. A
// configured one is returned though it is absent. The question then speaks of stores that
// were moved by where they are now.
func (q *Question) Find() (dir string, kind Kind) {
	q.Follow()
	here := Existing(q.BuildDir)
	// serves reports whether a store serves, and keeps the best so far, which may be one
	// that does not.
	serves := func(store string, asked bool) bool {
		if !IsStore(store) || q.brought(store) {
			return false
		}
		found := Far
		if holdsCopies(store) {
			found = Copying
			if asked {
				found = Near
			}
		} else if Shares(store, here) {
			found = Near
		}
		if found > kind {
			dir, kind = store, found
		}
		return kind == Near
	}
	// What somebody said of this repository or build directory goes before what is said
	// of all, and that before what was found out.
	known := append(slices.Clip(q.Remembered), q.Noted)
	for _, named := range []bool{true, false} {
		for _, r := range known {
			if r.Named == named && serves(r.Dir, named) {
				return dir, kind
			}
		}
		if named && q.Configured != "" {
			if IsStore(q.Configured) {
				return q.Configured, Near
			}
			return q.Configured, Absent
		}
	}
	if serves(q.now(chosen(q.Data)), true) {
		return dir, kind
	}
	// The topmost counts: that is where one is made, and more projects share it. A
	// mount between it and the build directory may be of the same file system.
	name := "/" + paths.BesideStore()
	for i := range len(here) {
		if here[i] == '/' && serves(here[:i]+name, false) {
			return dir, kind
		}
	}
	if here != "/" && serves(here+name, false) {
		return dir, kind
	}
	// A file system that has several mounts has one store, below one of them.
	for _, store := range made(q.Data) {
		if serves(store, false) {
			return dir, kind
		}
	}
	serves(q.Cache, false)
	return dir, kind
}

// Follow has the question speak of stores that were moved, or a directory above them, by where
// they are now.
func (q *Question) Follow() {
	q.Configured = q.now(q.Configured)
	q.Noted.Dir = q.now(q.Noted.Dir)
	for i := range q.Remembered {
		q.Remembered[i].Dir = q.now(q.Remembered[i].Dir)
	}
}

// now is where the store is that was at a path; the path itself, if that is not known.
func (q *Question) now(store string) string {
	if store == "" || IsStore(store) {
		return store
	}
	if to := Moved(q.Data, store); to != "" {
		return to
	}
	if to := q.renamed(store); to != "" {
		return to
	}
	return store
}

// renamed is where a store is if a directory was renamed in which both it and the build directory
// lie, as a home is: there, it goes on below the build directory's path as it did below the first
// directory of its own that is missing. A commit can bring a directory of any name, and what lies
// in a checkout was never there by such a renaming alone.
func (q *Question) renamed(store string) string {
	_, rest, ok := strings.Cut(strings.TrimPrefix(store[len(Existing(store)):], "/"), "/")
	if !ok {
		return ""
	}
	for dir := q.BuildDir; dir != "/" && dir != ""; dir = dir[:max(1, strings.LastIndexByte(dir, '/'))] {
		if there := dir + "/" + rest; IsStore(there) && !inCheckout(filepath.Dir(there)) {
			return there
		}
	}
	return ""
}

// brought reports whether a store may have come along with a checkout: it lies in one, and
// neither the repository's own directory nor the user's files say that it was made here.
// A commit can hold all that a store is made of, and the note of a build directory that
// names it; what lies in that store would be run without having been compiled.
func (q *Question) brought(store string) bool {
	if store == q.Cache || slices.ContainsFunc(q.Remembered, func(r Remembered) bool { return r.Dir == store }) {
		return false
	}
	real, err := filepath.EvalSymlinks(store)
	if err != nil || !inCheckout(filepath.Dir(real)) {
		return err != nil
	}
	return store != chosen(q.Data) && !slices.Contains(made(q.Data), store)
}

// inCheckout reports whether dir lies in a working tree of git, or in a package of cargo's.
func inCheckout(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		var st unix.Stat_t
		for _, mark := range []string{"/.git", "/Cargo.toml"} {
			if unix.Lstat(strings.TrimSuffix(dir, "/")+mark, &st) == nil {
				return true
			}
		}
		if dir == "/" {
			return false
		}
	}
}

// holdsCopies reports whether the layers of a store are copies, which need no file
// system of their own.
func holdsCopies(store string) bool {
	name, err := regular.Read(store + "/" + paths.StoreDriver)
	return err == nil && strings.TrimSpace(string(name)) == "copy"
}
