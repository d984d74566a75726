package builddir

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// DiskUnit is a unit and the directory it lies in.
type DiskUnit struct {
	Dir  *Dir
	Unit *Unit
}

// Path returns where rel, a path relative to the unit's build directory, lies.
func (h DiskUnit) Path(rel string) string { return filepath.Join(h.Dir.Path, rel) }

// SeenByDependents lists the outputs that decide what dependents become, relative to the
// build directory: metadata, and what runs at compile time.
func (h DiskUnit) SeenByDependents() ([]string, error) {
	files, err := h.files()
	return slices.DeleteFunc(files, func(p string) bool {
		switch filepath.Ext(p) {
		case ".d", ".rlib", ".o", ".dwo", ".dwp":
			return true
		}
		return false
	}), err
}

// files lists what the unit wrote outside the directory of its fingerprint. The caller
// may change the list.
func (h DiskUnit) files() ([]string, error) {
	u := h.Unit
	outs, err := h.Dir.outputsIn(u.Profile)
	if err != nil {
		return nil, err
	}
	files, err := outs.of(u.Dir, strings.ReplaceAll(u.Target, "-", "_"), u.Kind == KindScript)
	return slices.Clone(files), err
}

// All lists everything that belongs to the unit, relative to the build directory: whole
// directories, and the files that lie elsewhere.
func (h DiskUnit) All() (dirs, files []string, err error) {
	u := h.Unit
	switch {
	case u.Dir.Layout == LayoutUnits:
		return []string{filepath.Dir(u.Dir.Record)}, nil, nil
	case u.Run, u.Kind == KindScript:
		return []string{u.Dir.Record, u.Profile + "/build/" + u.Dir.name()}, nil, nil
	}
	files, err = h.files()
	return []string{u.Dir.Record}, files, err
}

// SameFile reports whether two regular files are equal byte by byte. A file that cannot be
// read equals none.
func SameFile(a, b string) bool {
	x, errX := os.Open(a)
	if errX != nil {
		return false
	}
	defer x.Close()
	y, errY := os.Open(b)
	if errY != nil {
		return false
	}
	defer y.Close()
	fx, errX := x.Stat()
	fy, errY := y.Stat()
	if errX != nil || errY != nil || fx.Size() != fy.Size() || !fx.Mode().IsRegular() || !fy.Mode().IsRegular() {
		return false
	}
	const piece = 256 << 10
	bx, by := make([]byte, piece), make([]byte, piece)
	for {
		nx, errX := io.ReadFull(x, bx)
		ny, errY := io.ReadFull(y, by)
		if nx != ny || !bytes.Equal(bx[:nx], by[:ny]) {
			return false
		}
		if errX != nil || errY != nil {
			return isEnd(errX) && isEnd(errY)
		}
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// SameTree reports whether two directories hold the same names, kinds and contents; two
// that are missing are the same. Symbolic links and special files equal none: no script
// of a library needs them.
func SameTree(a, b string) bool {
	x, errX := os.ReadDir(a)
	y, errY := os.ReadDir(b)
	if errors.Is(errX, fs.ErrNotExist) && errors.Is(errY, fs.ErrNotExist) {
		return true
	}
	if errX != nil || errY != nil || len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i].Name() != y[i].Name() || x[i].Type() != y[i].Type() {
			return false
		}
		p, q := filepath.Join(a, x[i].Name()), filepath.Join(b, y[i].Name())
		if x[i].IsDir() && !SameTree(p, q) || !x[i].IsDir() && !SameFile(p, q) {
			return false
		}
	}
	return true
}

// ComparedFiles lists the files whose times Cargo compares, relative to the build
// directory: what the unit wrote, and its dep-info, which is dated when it was begun.
func (h DiskUnit) ComparedFiles() []string {
	h.Dir.LoadTimes(h.Unit)
	var files []string
	for _, o := range h.Unit.Outputs {
		files = append(files, o.Path)
	}
	if !h.Unit.Run && !h.Unit.Doc {
		files = append(files, h.Unit.Dir.Record+"/dep-"+h.Unit.File)
	}
	return files
}

// TimedFiles lists the files that SetTime dates: the ComparedFiles, and what the run of a
// script has written, since what a crate includes from there must not be newer than the
// crate.
func (h DiskUnit) TimedFiles() ([]string, error) {
	files := h.ComparedFiles()
	if h.Unit.Run {
		written, err := writtenBy(h.Dir.Path, h.Unit)
		if err != nil {
			return nil, err
		}
		files = append(files, written...)
	}
	return files, nil
}

// OutOfReach reports whether err says that something may not be read by this user, or that
// it lies so deep that the kernel takes no path to it. No copy has it.
func OutOfReach(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENAMETOOLONG)
}

// SetTime dates the TimedFiles of the unit. Those that are missing are passed over.
func (h DiskUnit) SetTime(to time.Time) error {
	files, err := h.TimedFiles()
	if err != nil {
		return err
	}
	ts := unix.NsecToTimespec(to.UnixNano())
	for _, f := range files {
		err := unix.UtimesNanoAt(unix.AT_FDCWD, h.Path(f), []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &fs.PathError{Op: "set time of", Path: h.Path(f), Err: err}
		}
	}
	return nil
}

// writtenBy lists what the run of a script left in the directory it was given.
func writtenBy(dir string, u *Unit) (files []string, err error) {
	_, outDir, _ := u.Dir.ScriptFiles()
	err = filepath.WalkDir(filepath.Join(dir, outDir), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || OutOfReach(err) {
			return nil
		}
		if err == nil && d.Type().IsRegular() {
			rel, _ := paths.Under(path, dir)
			files = append(files, rel)
		}
		return err
	})
	return files, err
}
