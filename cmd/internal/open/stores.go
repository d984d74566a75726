package open

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/relocate"
	"github.com/cargo-cow/cargo-cow/reflink/mounts"
)

// driverOf is the driver of a store that is there.
func (s *Session) driverOf(store string) (driver.Driver, error) {
	compression := defaultCompression
	if user, err := s.userConfig(); err == nil {
		compression = user.Compression
	}
	return chooseDriver(context.Background(), store, "", true, compression)
}

// Stores lists the stores of this user, by their paths, sorted: those that the user's files or
// the repository here tell of, those above the directories on the way to here and home, and
// those at the top of any file system that is mounted. It opens none.
func (s *Session) Stores(ctx context.Context) []string {
	candidates := append(s.userDirs().Known(), s.namedStoreNow())
	if user, err := s.userConfig(); err == nil {
		candidates = append(candidates, user.Store)
	}
	if buildDir, repo, err := s.buildDirAndRepository(ctx); err == nil {
		if q, err := s.question(buildDir, repo); err == nil {
			q.Follow()
			for _, r := range append(q.Remembered, q.Noted) {
				candidates = append(candidates, r.Dir)
			}
		}
	}
	for _, dir := range append(mountPoints(), s.opts.Dir, s.environ.Get("HOME")) {
		for ; filepath.IsAbs(dir); dir = filepath.Dir(dir) {
			candidates = append(candidates, storeIn(dir))
			if dir == "/" {
				break
			}
		}
	}
	var list []string
	for _, dir := range candidates {
		// One may be reached by several names and mounts.
		if real, err := filepath.EvalSymlinks(dir); err == nil && locate.IsStore(real) && !slices.ContainsFunc(list, func(other string) bool { return sameFile(real, other) }) {
			list = append(list, real)
		}
	}
	slices.Sort(list)
	return list
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, errb := os.Stat(b)
	return err == nil && errb == nil && os.SameFile(x, y)
}

// mountPoints are those of file systems that stores can be on: that have a device, or one that
// keeps files. What is slow to answer, on a network, is not looked at.
func mountPoints() (points []string) {
	kinds := []string{"btrfs", "xfs", "ext4", "ext3", "ext2", "bcachefs", "zfs", "f2fs", "tmpfs", "overlay"}
	table, err := mounts.Table()
	if err != nil {
		return nil
	}
	for _, m := range table {
		if slices.Contains(kinds, m.Type) {
			points = append(points, m.Point)
		}
	}
	return points
}

// FileSystem names the file system of a path.
func FileSystem(path string) string {
	if name := fsName(path); name != "the file system" {
		return name
	}
	return "another"
}

// IsTooFar reports whether the build directory at a path could not be restored from a store that
// goes into a directory, where a driver makes its trees: it shares data, and is on another file
// system.
func IsTooFar(d driver.Driver, from, into, buildDir string) bool {
	buildDir = filepath.Dir(buildDir)
	if !d.Caps().SharesData || locate.SameMount(into, buildDir) {
		return false
	}
	// Two mounts of one file system are tried with a file of the store's, if that is there already.
	return !locate.SameMount(into, from) && !ShareData(into, buildDir) || locate.SameMount(into, from) && !locate.Shares(from, locate.Existing(buildDir))
}

// A StoreMove is a move of a store that was looked at, and can be begun.
type StoreMove struct {
	relocate.Move
	session *Session
	// Configured: the user's configuration names the old place.
	Configured bool
}

// PlanMove finds out where a store goes: to a path, or, where there is a directory already,
// into it under the usual name.
func (s *Session) PlanMove(ctx context.Context, st *layers.Store, to string) (*StoreMove, error) {
	from, err := filepath.EvalSymlinks(st.Dir())
	if err != nil {
		return nil, fmt.Errorf("move store %s: %w", st.Dir(), err)
	}
	failed := func(err error) error { return fmt.Errorf("move store %s to %s: %w", from, to, err) }
	if info, err := os.Stat(to); err == nil && info.IsDir() && !locate.IsStore(to) {
		to = storeIn(to)
	}
	to = realPath(to)
	if !paths.IsClean(to) || !paths.IsClean(from) {
		return nil, failed(errors.New("such a name cannot be noted"))
	}
	if to == from || paths.Below(to, from) || paths.Below(from, to) {
		return nil, failed(errors.New("the one is in the other"))
	}
	if _, err := os.Lstat(to); err == nil {
		return nil, &layers.HelpError{Err: failed(fs.ErrExist), Help: "name a path where nothing is"}
	}
	if err := driver.MakeDirs(filepath.Dir(to), 0o777); err != nil {
		return nil, failed(err)
	}
	if unix.Faccessat(unix.AT_FDCWD, filepath.Dir(to), unix.W_OK|unix.X_OK, unix.AT_EACCESS) != nil {
		return nil, failed(fs.ErrPermission)
	}
	user, err := s.userConfig()
	if err != nil {
		return nil, err
	}
	m := &StoreMove{session: s, Configured: user.Store != "" && realPath(user.Store) == from}
	m.From, m.To, m.Old, m.Data = from, to, st.Driver(), s.userDirs().Data
	m.New = m.Old
	if !locate.SameMount(from, filepath.Dir(to)) {
		if m.New, err = driver.Probe(ctx, filepath.Dir(to), drivers(user.Compression)...); err != nil {
			return nil, failed(err)
		}
	}
	return m, nil
}
