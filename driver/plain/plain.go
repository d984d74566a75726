// Package plain is the driver for ordinary directories. It serves two names:
// "reflink" shares the data of each file, on file systems that can (XFS, Btrfs),
// and "copy" works everywhere. Both cost time for each file, and nothing keeps a
// sealed tree from being written but the manners of the caller. What there is no
// room to copy is refused before it is begun ([reflink.RoomError]). The contract, its
// concurrency promise included, is that of package driver.
package plain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// Mode chooses between the two drivers.
type Mode int

const (
	// Reflink shares data, and fails with an error matching
	// [reflink.ErrUnsupported] where the file system cannot.
	Reflink Mode = iota
	// Copy copies data and shares nothing, even where the file system could.
	Copy
)

// Driver is the driver; it has no state. The zero value is the mode Reflink.
type Driver struct{ mode Mode }

var _ driver.Driver = (*Driver)(nil)

// New returns the driver of the given mode.
func New(mode Mode) *Driver { return &Driver{mode} }

// Name returns "reflink" or "copy".
func (d *Driver) Name() string {
	if d.mode == Copy {
		return "copy"
	}
	return "reflink"
}

// Caps claims shared data, and knowledge of it, for the mode Reflink.
func (d *Driver) Caps() driver.Caps {
	shares := d.mode == Reflink
	return driver.Caps{SharesData: shares, SharedUsage: shares}
}

// Create makes the directory.
func (d *Driver) Create(ctx context.Context, tree string) error {
	err := ctx.Err()
	if err == nil {
		err = driver.ClearStub(tree)
	}
	if err == nil {
		err = os.Mkdir(filepath.Clean(tree), 0o777)
	}
	if err != nil {
		return fmt.Errorf("create tree %s: %w", tree, err)
	}
	return nil
}

// Clone copies or clones file by file.
func (d *Driver) Clone(ctx context.Context, tree, from string) error {
	tree, from = filepath.Clean(tree), filepath.Clean(from)
	if err := d.clone(ctx, tree, from); err != nil {
		return fmt.Errorf("clone tree %s to %s: %w", from, tree, err)
	}
	return nil
}

func (d *Driver) clone(ctx context.Context, tree, from string) error {
	if err := checkSource(ctx, from); err != nil {
		return err
	}
	if err := driver.ClearStub(tree); err != nil {
		return err
	}
	// Not writable for others, whatever from is, until its content is there.
	if err := os.Mkdir(tree, 0o700); err != nil {
		return err
	}
	if err := d.fill(ctx, tree, from); err != nil {
		return errors.Join(err, driver.RemoveAll(tree))
	}
	return nil
}

func (d *Driver) fill(ctx context.Context, tree, from string) error {
	mode := reflink.Always
	if d.mode == Copy {
		mode = reflink.Never
	}
	_, err := reflink.CopyTree(ctx, tree, from, reflink.Options{Mode: mode, LeftOut: driver.LeftOut(ctx, from), Told: driver.Copied(ctx)})
	return err
}

// Seal copies to a temporary sibling, writes all of it to disk, and renames. The
// order matters: with a rename alone, synced or not, XFS and ext4 came back from
// a power cut with the final name and 300 of 300 files empty.
func (d *Driver) Seal(ctx context.Context, tree, from string) error {
	tree, from = filepath.Clean(tree), filepath.Clean(from)
	if err := d.seal(ctx, tree, from); err != nil {
		return fmt.Errorf("seal tree %s as %s: %w", from, tree, err)
	}
	return nil
}

func (d *Driver) seal(ctx context.Context, tree, from string) error {
	if err := checkSource(ctx, from); err != nil {
		return err
	}
	if err := driver.ClearStub(tree); err != nil {
		return err
	}
	// Publish is what decides; this spares the copy in the common case.
	if _, err := os.Lstat(tree); err == nil {
		return fs.ErrExist
	}
	tmp, err := os.MkdirTemp(filepath.Dir(tree), driver.TempPrefix)
	if err != nil {
		return err
	}
	if err := d.fill(ctx, tmp, from); err != nil {
		return errors.Join(err, driver.RemoveAll(tmp))
	}
	// One call beats an fsync for each of many files.
	if err := driver.SyncFileSystem(tmp); err != nil {
		return errors.Join(err, driver.RemoveAll(tmp))
	}
	if err := driver.Publish(tmp, tree); err != nil {
		return errors.Join(err, driver.RemoveAll(tmp))
	}
	if err := driver.SyncNames(filepath.Dir(tree)); err != nil {
		return errors.Join(err, driver.RemoveAll(tree))
	}
	return nil
}

// Delete removes file by file.
func (d *Driver) Delete(ctx context.Context, tree string) error {
	tree = filepath.Clean(tree)
	err := ctx.Err()
	if err == nil {
		err = driver.CheckRemovable(tree)
	}
	if err == nil {
		err = driver.RemoveAll(tree)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete tree %s: %w", tree, err)
	}
	return nil
}

// Usage reads the extent maps in the mode Reflink, and the block counts otherwise.
func (d *Driver) Usage(ctx context.Context, tree string) (driver.Usage, error) {
	tree = filepath.Clean(tree)
	if err := checkSource(ctx, tree); err != nil {
		return driver.Usage{}, fmt.Errorf("measure tree %s: %w", tree, err)
	}
	if d.mode == Copy {
		total, err := reflink.TreeBlocks(ctx, tree)
		return driver.Usage{Total: total}, err
	}
	u, err := reflink.TreeUsage(ctx, tree)
	if err != nil {
		return driver.Usage{}, err
	}
	return driver.Usage{Total: u.Shared + u.Exclusive, Shared: u.Shared, Exclusive: u.Exclusive, Known: true}, nil
}

// Holds reports whether path is a directory.
func (d *Driver) Holds(path string) (bool, error) {
	path = filepath.Clean(path)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	stub := false
	if err == nil {
		stub, err = driver.IsStub(path)
	}
	if err != nil {
		return false, fmt.Errorf("look at tree: %w", err)
	}
	return info.IsDir() && !stub, nil
}

func checkSource(ctx context.Context, from string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return driver.CheckDir(from)
}
