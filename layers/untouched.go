package layers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// untouched reports whether all that lies in a build directory is what a restore
// put there. What Cargo writes before it builds anything does not count: its notes
// about the compiler, its locks. A removed file leaves no trace, but neither
// anything that could be lost.
func (a Active) untouched(dir string) bool {
	if a.Placed == 0 {
		return false
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == filepath.Join(dir, metaDir):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		switch d.Name() {
		case ".rustc_info.json", ".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock", "CACHEDIR.TAG":
			return nil
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); !ok || st.Ctim.Nano() > a.Placed {
			return errTouched
		}
		return nil
	})
	return err == nil
}

var errTouched = errors.New("written to since it was restored")

// worthless reports whether the build directory that is about to be replaced is no
// more than a copy of a layer, and there is something else to undo to: then that
// stays what undo brings back. It is marked as what tidying up removes.
func (s *Store) worthless(t target) (bool, error) {
	if !there(t.undo) || !there(t.path) {
		return false, nil
	}
	a := readActive(t.path)
	if !isID(a.Layer) || !there(s.tree(a.Layer)) || !a.untouched(t.path) {
		return false, nil
	}
	if err := prepared(t.path); err != nil {
		return false, fmt.Errorf("replace %s: %w", t.path, err)
	}
	return true, nil
}

// Waiting says of a place's build directory whether it waits: it was restored when
// files were missing that its units were built from, and nothing was built in it
// since; and whether any of them is there by now.
func (p *Place) Waiting() (waits, come bool) {
	dir := p.Workspace.BuildDir
	a := readActive(dir)
	if len(a.Lacked) == 0 || !a.untouched(dir) {
		return false, false
	}
	for _, path := range a.Lacked {
		if _, err := os.Lstat(path); err == nil {
			return true, true
		}
	}
	return true, false
}

// Hollow reports whether there is nothing in a build directory that a build, or
// anybody else, has put there: it is missing, a roll-back has left its stub, it is
// empty, or has what Cargo leaves where it builds nothing (cargo 1.95, package
// --list).
func Hollow(buildDir string) bool {
	if !there(buildDir) {
		return true
	}
	fi, err := os.Lstat(buildDir)
	if err != nil || !fi.IsDir() {
		return false
	}
	left, err := names(buildDir)
	return err == nil && !slices.ContainsFunc(left, func(n string) bool { return n != "CACHEDIR.TAG" && n != ".rustc_info.json" })
}
