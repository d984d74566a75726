package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/driver"
)

// A roll-back of the system, or of a home, puts an old snapshot in the place of a
// subvolume. Of every tree that lay in it, be it a build directory, the store or
// one of its layers, the snapshot has a stub (driver.ErrStub): the tree itself went
// with the subvolume that was rolled away. So stubs are taken for what is not
// there, and told of where somebody asks for what was.

// ErrRolledBack: a roll-back of the system took something along.
var ErrRolledBack = errors.New("a roll-back of the subvolume around has left only its name")

// rolledBack is the error for a build directory of which a roll-back has left only
// the name.
func rolledBack() error {
	return &HelpError{
		fmt.Errorf("%w: %w", ErrNoTarget, ErrRolledBack),
		"run `cargo cow restore`, or `cargo cow init` where there is no layer",
	}
}

// RolledBackStore is the error for a store of which a roll-back has left only the
// name.
func RolledBackStore(dir string) error {
	return &HelpError{
		fmt.Errorf("open store %s: %w: %w", dir, ErrNoStore, ErrRolledBack),
		"run `cargo cow init`, which makes a new one; the layers are in the subvolume from before the roll-back, if it was kept",
	}
}

// isStub reports whether a path is known to be a stub.
func isStub(path string) bool {
	stub, err := driver.IsStub(path)
	return err == nil && stub
}

// there reports whether something is at path, and is no stub; what cannot be looked
// at is taken to be.
func there(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist) && !isStub(path)
}

// kept drops the names of layers that a roll-back has taken along.
func (s *Store) kept(names []string) []string {
	if len(s.lost) == 0 {
		return names
	}
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(s.lost, n) })
}

// Lost lists the layers of which a roll-back has left only the names.
func (s *Store) Lost() []string { return slices.Clone(s.lost) }

// tellLost has an error about a layer that was not found say that a roll-back took
// some, where it did.
func (s *Store) tellLost(err error) error {
	if len(s.lost) == 0 || !errors.Is(err, ErrNoLayer) {
		return err
	}
	return &HelpError{
		fmt.Errorf("%w; a roll-back of the subvolume around %s took %d of its layers along", err, s.opts.Dir, len(s.lost)),
		"build here and run `cargo cow snapshot`; the layers are in the subvolume from before the roll-back, if it was kept, and `cargo cow check --repair` forgets them",
	}
}

// lostLayer finds a layer that a roll-back took by the first digits of its id, or
// by its label.
func (s *Store) lostLayer(ref string) error {
	for _, id := range s.lost {
		r, err := s.readRecord(id)
		if len(ref) >= 4 && strings.HasPrefix(id, ref) || ref != "" && err == nil && r.Label == ref {
			return &HelpError{
				fmt.Errorf("find layer %s: %w: a roll-back of the subvolume around %s took it along", ref, ErrNotFound, s.opts.Dir),
				"run `cargo cow check --repair`, which forgets it",
			}
		}
	}
	return nil
}

// forgetLost removes what a roll-back has left of a layer: its name and its record.
func (s *Store) forgetLost(id string) error {
	if err := driver.ClearStub(s.tree(id)); err != nil {
		return err
	}
	if err := os.Remove(s.recordPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// makeParent makes the directory around the build directory: the first build makes
// it, or a roll-back took it along.
func makeParent(t target) error {
	if err := driver.MakeDirs(filepath.Dir(t.path), 0o777); err != nil {
		return fmt.Errorf("make the directory around %s: %w", t.path, explainStub(err))
	}
	return nil
}

// explainStub tells how to get rid of a stub that the user may not remove.
func explainStub(err error) error {
	var path *fs.PathError
	if errors.Is(err, driver.ErrStub) && errors.As(err, &path) && errors.Is(err, fs.ErrPermission) {
		return &HelpError{err, "sudo rmdir " + path.Path}
	}
	return err
}

// putAwayStub removes a stub beside the build directory. Where that is not allowed
// it is in nobody's way.
func (s *Store) putAwayStub(ctx context.Context, path string) bool {
	if !isStub(path) {
		return false
	}
	_ = s.opts.Driver.Delete(ctx, path)
	return true
}

// hollow returns a directory of a layer's profiles that is a stub, relative to the
// layer; "" if none is. Snapshots had such in the place of subvolumes inside them,
// before the driver took those in.
func hollow(tree string, profiles []string) string {
	for _, profile := range profiles {
		for dir := profile; dir != "."; dir = filepath.Dir(dir) {
			if isStub(filepath.Join(tree, dir)) {
				return dir
			}
		}
		entries, _ := os.ReadDir(filepath.Join(tree, profile))
		for _, e := range entries {
			if dir := filepath.Join(profile, e.Name()); e.IsDir() && isStub(filepath.Join(tree, dir)) {
				return dir
			}
		}
	}
	return ""
}

// clearStubs removes stubs where Cargo makes directories: in a build directory, its
// profiles, and those of targets. It could not build there.
func clearStubs(dir string) { clearStubsBelow(dir, 2) }

func clearStubsBelow(dir string, levels int) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() {
			continue
		}
		_ = driver.ClearStub(path) // one that cannot be removed shows when Cargo builds
		if levels == 2 || levels == 1 && (there(path+"/deps") || there(path+"/build")) {
			clearStubsBelow(path, levels-1)
		}
	}
}
