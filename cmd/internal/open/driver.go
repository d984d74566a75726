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
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// drivers are all there are, best first; what can compress goes by compression.
func drivers(compression btrfs.Compression) []driver.Driver {
	return []driver.Driver{btrfs.Compressing(compression), plain.New(plain.Reflink), plain.New(plain.Copy)}
}

// ShareData tells whether files in two directories may share data, if files on their file
// system may at all. Different mounts may be of one file system, so between those it is
// tried. It is for a store that is yet to be made: of one that is there, locate.Shares
// clones a file, and need not make any.
func ShareData(a, b string) bool {
	if locate.SameMount(a, b) {
		return true
	}
	ok, err := reflink.Probe(locate.Existing(a), locate.Existing(b))
	return ok && err == nil
}

// chooseDriver returns the driver of an existing store, or the best one for a
// store that is to be and the build directory that asks for it.
func chooseDriver(ctx context.Context, store, buildDir string, exists bool, compression btrfs.Compression) (driver.Driver, error) {
	if exists {
		name, err := regular.Read(filepath.Join(store, paths.StoreDriver))
		if err == nil {
			for i, d := range drivers(compression) {
				if d.Name() != strings.TrimSpace(string(name)) {
					continue
				}
				if mayWork(d, store) {
					return d, nil
				}
				return driver.Probe(ctx, store, drivers(compression)[i:]...)
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
	candidates := drivers(compression)
	// What works in one place of a mount works in all: no name need come and go in a checkout.
	other := dir
	if buildDir != "" && !locate.SameMount(dir, filepath.Dir(buildDir)) {
		other = locate.Existing(filepath.Dir(buildDir))
	}
	d, err := driver.ProbeBetween(ctx, dir, other, candidates...)
	if err != nil && other != dir {
		// Why nothing can be written there is said by what goes on to do it.
		d, err = driver.Probe(ctx, dir, candidates[len(candidates)-1]) // the one that copies
	}
	if err != nil {
		return nil, &layers.HelpError{
			Err:  fmt.Errorf("make store %s: %w", store, err),
			Help: "name a directory that can be written to with --store DIR",
		}
	}
	return d, nil
}

// mayWork reports whether a store's driver can work where the store is. One that was copied to
// another kind of disk, as a backup is, says what its trees were made with before; or the disk is
// seen through something else, as in a container. Then it is found out anew, by trying, each time:
// what the store says of itself stays true elsewhere.
func mayWork(d driver.Driver, store string) bool {
	var st unix.Statfs_t
	if !d.Caps().SharesData || unix.Statfs(store, &st) != nil {
		return true
	}
	isBtrfs := uint32(st.Type) == unix.BTRFS_SUPER_MAGIC
	if d.Caps().ConstantTime {
		return isBtrfs
	}
	return isBtrfs || !slices.Contains([]uint32{unix.EXT4_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.NFS_SUPER_MAGIC}, uint32(st.Type))
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

// checkSharesData refuses a store whose layers could not be cloned into the build
// directory.
func checkSharesData(d driver.Driver, store, buildDir string) error {
	if !d.Caps().SharesData || locate.Shares(store, locate.Existing(filepath.Dir(buildDir))) {
		return nil
	}
	return &layers.HelpError{
		Err:  fmt.Errorf("use store %s: the build directory %s is on another file system", store, buildDir),
		Help: "name a store on the same file system with --store DIR, or run `cargo cow init` without one",
	}
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

// Disk tells what the file system of the session's directory makes possible, which shows
// when it is tried there: the driver of a store, nil if nothing can be written there, what the
// file system is called, and why better drivers do not work.
func (s *Session) Disk(ctx context.Context) (best driver.Driver, name, tried string) {
	var reasons []string
	for _, d := range drivers(btrfs.Compression{}) {
		_, err := driver.Probe(ctx, s.opts.Dir, d)
		if err == nil {
			best = d
			break
		}
		var errno syscall.Errno
		if errors.As(err, &errno) {
			err = errno
		}
		reasons = append(reasons, fmt.Sprintf("no %s: %v", d.Name(), err))
	}
	return best, fsName(s.opts.Dir), strings.Join(reasons, "; ")
}
