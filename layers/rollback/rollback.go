// Package rollback is about what a roll-back leaves. A roll-back of the system, or of a
// home, puts an old snapshot in the place of a subvolume. Of every tree that lay in it,
// be it a build directory, the store or one of its layers, the snapshot has a stub
// (driver.ErrStub): the tree itself went with the subvolume that was rolled away. So a
// stub counts as nothing, and where somebody asks for what was there, the error says that
// a roll-back took it along.
//
// The package keeps nothing between calls and may be used from anywhere at once.
package rollback

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
)

// Err: a roll-back of the system took something along.
var Err = errors.New("a roll-back of the subvolume around it has left only its name")

// IsStub reports whether a path is known to be a stub.
func IsStub(path string) bool {
	stub, err := driver.IsStub(path)
	return err == nil && stub
}

// Exists reports whether something is at path that is no stub. What cannot be looked at is
// taken to be something.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist) && !IsStub(path)
}

// Explain tells how to get rid of a stub that the user may not remove.
func Explain(err error) error {
	var path *fs.PathError
	if errors.Is(err, driver.ErrStub) && errors.As(err, &path) && errors.Is(err, fs.ErrPermission) {
		return &help.Error{Err: err, Help: "sudo rmdir " + help.ShellWord(path.Path)}
	}
	return err
}

// StubIn returns a directory of a layer's profiles that is a stub, relative to the
// layer; "" if none is. Snapshots had such in the place of subvolumes inside them,
// before the driver took those in.
func StubIn(tree string, profiles []string) string {
	for _, profile := range profiles {
		for dir := profile; dir != "."; dir = filepath.Dir(dir) {
			if IsStub(filepath.Join(tree, dir)) {
				return dir
			}
		}
		entries, _ := os.ReadDir(filepath.Join(tree, profile))
		for _, e := range entries {
			if dir := filepath.Join(profile, e.Name()); e.IsDir() && IsStub(filepath.Join(tree, dir)) {
				return dir
			}
		}
	}
	return ""
}

// ClearStubs removes stubs where Cargo makes directories: in a build directory, its
// profiles, and those of targets. It could not build there.
func ClearStubs(dir string) { clearBelow(dir, 2) }

func clearBelow(dir string, levels int) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() {
			continue
		}
		_ = driver.ClearStub(path) // one that cannot be removed shows when Cargo builds
		if levels == 2 || levels == 1 && (Exists(path+"/deps") || Exists(path+"/build")) {
			clearBelow(path, levels-1)
		}
	}
}
