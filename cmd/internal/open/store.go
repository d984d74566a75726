package open

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// drivers are all there are, best first.
func drivers() []driver.Driver {
	return []driver.Driver{btrfs.New(), plain.New(plain.Reflink), plain.New(plain.Copy)}
}

// chooseDriver returns the driver of an existing store, or the best one for a
// store that is to be and the build directory that asks for it. A store keeps its
// driver whatever a later probe would choose.
func chooseDriver(ctx context.Context, store, buildDir string, exists bool) (driver.Driver, error) {
	if exists {
		name, err := os.ReadFile(filepath.Join(store, paths.StoreDriver))
		if err == nil {
			for _, d := range drivers() {
				if d.Name() == strings.TrimSpace(string(name)) {
					return d, nil
				}
			}
			return nil, fmt.Errorf("open store %s: unknown driver %q", store, strings.TrimSpace(string(name)))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	dir := store
	if !exists {
		dir = filepath.Dir(store)
	}
	// The cache directory of a new user is not there yet.
	if err := driver.MakeDirs(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make store %s: %w", store, err)
	}
	candidates := drivers()
	if buildDir != "" && !shareData(dir, filepath.Dir(buildDir)) {
		candidates = candidates[len(candidates)-1:] // the one that copies
	}
	d, err := driver.Probe(ctx, dir, candidates...)
	if err != nil {
		return nil, &layers.HelpError{
			Err:  fmt.Errorf("make store %s: %w", store, err),
			Help: "name a directory that can be written to with --store DIR",
		}
	}
	return d, nil
}

func recordDriver(store string, d driver.Driver) error {
	path := filepath.Join(store, paths.StoreDriver)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := replaceFile(path, []byte(d.Name()+"\n")); err != nil {
		return fmt.Errorf("note the driver: %w", err)
	}
	return nil
}

// Remark says what the driver of the opened store cannot do for the build
// directory dir, and why; "" when there is nothing to say.
func (s *Session) Remark(dir string) string {
	if s.driver == nil || s.driver.Caps().ConstantTime {
		return ""
	}
	if s.driver.Caps().SharesData {
		return fmt.Sprintf("cloning file by file: %s has no snapshots", fsName(dir))
	}
	return fmt.Sprintf("copying: %s cannot share data with the store, so each layer takes its full size", fsName(dir))
}

// fsName names the file system of path for a person.
func fsName(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(locate.Existing(path), &st); err != nil {
		return "the file system"
	}
	switch uint32(st.Type) {
	case unix.BTRFS_SUPER_MAGIC:
		return "Btrfs"
	case unix.XFS_SUPER_MAGIC:
		return "XFS"
	case unix.EXT4_SUPER_MAGIC: // also ext2 and ext3
		return "ext4"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case 0x2fc12fc1: // ZFS_SUPER_MAGIC, include/sys/fs/zfs.h
		return "ZFS"
	}
	return "the file system"
}

// namedStore is the store that the user named for this command, by flag or
// environment; "" when they did not.
func (s *Session) namedStore() string {
	for _, dir := range []string{s.opts.Store, s.environ.get("CARGO_COW_STORE")} {
		if dir != "" && !filepath.IsAbs(dir) {
			dir = filepath.Join(s.opts.Dir, dir)
		}
		if dir != "" {
			return filepath.Clean(dir)
		}
	}
	return ""
}

// defaultStore is beside the build directory where data can be shared, so that
// every project on the file system finds the same one; else in the user's cache.
func (s *Session) defaultStore(buildDir string) (string, error) {
	for _, top := range storeParents(buildDir) {
		beside := besideIn(top)
		if _, err := os.Lstat(beside); err == nil {
			return beside, nil
		}
		shares, err := reflink.Probe(top, top)
		if err == nil && shares {
			return beside, nil
		}
		// What a sandbox forbids shows when it is tried, and not before.
		if err == nil || !layers.IsReadOnly(err) {
			break
		}
	}
	cache := s.userDirs().Cache
	if cache == "" {
		return "", &layers.HelpError{
			Err:  errors.New("find a place for the store: neither XDG_CACHE_HOME nor HOME is set"),
			Help: "name one with --store DIR",
		}
	}
	return cache, nil
}

// besideIn is the store in a directory above what it serves.
func besideIn(dir string) string {
	return filepath.Join(dir, paths.BesideStore())
}

// storeParents are the directories above buildDir, on the same mount, that the user
// may make entries in, the topmost first. Directories everybody may write to are
// passed over: what lies in them is swept, and anybody could take the name first.
// There is always one, the last, which must do.
func storeParents(buildDir string) []string {
	last := locate.Existing(filepath.Dir(realPath(buildDir)))
	var all []string
	for dir := last; locate.SameMount(dir, last); dir = filepath.Dir(dir) {
		fi, err := os.Stat(dir)
		if err == nil && fi.Mode().Perm()&0o002 == 0 &&
			unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS) == nil {
			all = append(all, dir)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if len(all) == 0 {
		return []string{last}
	}
	slices.Reverse(all)
	return all
}

// checkOwner tells whether the store is there, and refuses one of another user:
// layers are programs that will be run.
func checkOwner(store string) (exists bool, err error) {
	var st unix.Stat_t
	switch err := unix.Stat(store, &st); {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("open store %s: %w", store, err)
	case isStub(store): // whoever it seems to belong to
		return false, nil
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return false, fmt.Errorf("open store %s: not a directory", store)
	case int(st.Uid) != os.Geteuid():
		help := "name one of your own with --store DIR"
		if os.Geteuid() == 0 {
			help = "run it as that user, without sudo, or " + help
		}
		return false, &layers.HelpError{
			Err:  fmt.Errorf("open store %s: it belongs to user %s", store, layers.UserName(int(st.Uid))),
			Help: help,
		}
	}
	return true, nil
}

// isStub tells whether a roll-back has left only the name of a store.
func isStub(store string) bool {
	stub, err := driver.IsStub(store)
	return err == nil && stub
}

// shareData tells whether files in two directories may share data, if files on
// their file system may at all. Different mounts may be of one file system, so
// there it is tried.
func shareData(a, b string) bool {
	if locate.SameMount(a, b) {
		return true
	}
	ok, err := reflink.Probe(locate.Existing(a), locate.Existing(b))
	return ok && err == nil
}

// checkReach refuses a store whose layers could not be cloned into the build
// directory.
func checkReach(d driver.Driver, store, buildDir string) error {
	if !d.Caps().SharesData || locate.Shares(store, locate.Existing(filepath.Dir(buildDir))) {
		return nil
	}
	return &layers.HelpError{
		Err:  fmt.Errorf("use store %s: the build directory %s is on another file system", store, buildDir),
		Help: "name a store on the same file system with --store DIR, or run `cargo cow init` without one",
	}
}
