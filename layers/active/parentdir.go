package active

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// parentDir is the directory around the build directory as it was when the claim began.
// Often it is the root of a package, and then its time tells cargo whether a file was
// removed from it. What this program does there is no such change.
type parentDir struct {
	names []string
	mtime unix.Timespec
}

func readParent(d Dir) (*parentDir, error) {
	dir := filepath.Dir(d.Path)
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	all, err := ls.Names(dir)
	if err != nil {
		return nil, err
	}
	return &parentDir{others(d, all), st.Mtim}, nil
}

// others leaves out the names that belong to this program.
func others(d Dir, all []string) []string {
	own := filepath.Base(d.Path)
	all = slices.DeleteFunc(all, func(n string) bool {
		return n == own || n == own+undoSuffix || strings.HasPrefix(n, "."+own+paths.BesideMark)
	})
	slices.Sort(all)
	return all
}

// restoreTime gives the directory its time back, unless somebody else changed it
// meanwhile.
func (p *parentDir) restoreTime(d Dir) error {
	if p == nil {
		return nil
	}
	dir := filepath.Dir(d.Path)
	now, err := ls.Names(dir)
	if err != nil || !slices.Equal(others(d, now), p.names) {
		return nil
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, p.mtime}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, dir, times, 0); err != nil && !errors.Is(err, unix.EPERM) {
		return &fs.PathError{Op: "set time of", Path: dir, Err: err}
	}
	return nil
}
