package btrfs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// Create makes a subvolume.
func (d *Driver) Create(ctx context.Context, tree string) error {
	if err := d.create(ctx, filepath.Clean(tree)); err != nil {
		return fmt.Errorf("create tree %s: %w", tree, err)
	}
	return nil
}

func (d *Driver) create(ctx context.Context, tree string) error {
	if err := checkNew(ctx, tree); err != nil {
		return err
	}
	return d.subvolume(tree)
}

// subvolume makes one that compresses what it should.
func (d *Driver) subvolume(tree string) error {
	if err := createSubvolume(tree); err != nil {
		return err
	}
	if err := d.compression.apply(tree); err != nil {
		return errors.Join(err, deleteSubvolume(tree))
	}
	return nil
}

// Clone makes a writable snapshot. From an ordinary directory it makes a
// subvolume and clones file by file.
func (d *Driver) Clone(ctx context.Context, tree, from string) error {
	tree, from = filepath.Clean(tree), filepath.Clean(from)
	if err := d.clone(ctx, tree, from); err != nil {
		return fmt.Errorf("clone tree %s to %s: %w", from, tree, err)
	}
	return nil
}

func (d *Driver) clone(ctx context.Context, tree, from string) error {
	if err := checkNew(ctx, tree); err != nil {
		return err
	}
	if err := driver.CheckDir(from); err != nil {
		return err
	}
	var err error
	if isSubvolume(from) {
		var inside []string
		if inside, err = nested(from); err != nil {
			return err
		}
		return snapshot(ctx, tree, from, inside)
	}
	if err := d.subvolume(tree); err != nil {
		return err
	}
	if err := copyTree(ctx, tree, from); err != nil {
		return errors.Join(err, deleteSubvolume(tree))
	}
	return nil
}

// Seal makes a read-only snapshot straight under the final name. That is the one
// way that is both durable and all or nothing: the ioctl writes out the data of
// its source and commits the transaction before it returns (Linux 6.12,
// fs/btrfs/ioctl.c:create_snapshot). A writable tree whose read-only flag is set
// instead came back from a power cut with 63 of 300 files empty, and descriptors
// opened before went on writing to it.
//
// Where subvolumes lie inside the source, the snapshot is one of a clone that has
// taken them in.
func (*Driver) Seal(ctx context.Context, tree, from string) error {
	tree, from = filepath.Clean(tree), filepath.Clean(from)
	if err := seal(ctx, tree, from); err != nil {
		return fmt.Errorf("seal tree %s as %s: %w", from, tree, err)
	}
	return nil
}

func seal(ctx context.Context, tree, from string) error {
	if err := checkNew(ctx, tree); err != nil {
		return err
	}
	if err := driver.CheckDir(from); err != nil {
		return err
	}
	if !isSubvolume(from) {
		return driver.ErrNotTree
	}
	inside, err := nested(from)
	if err != nil {
		return err
	}
	if len(inside) == 0 {
		return sealWritten(tree, from)
	}
	tmp := filepath.Join(filepath.Dir(tree), driver.TempPrefix+strings.ToLower(rand.Text()))
	if err := snapshot(ctx, tmp, from, inside); err != nil {
		return err
	}
	err = sealWritten(tree, tmp)
	_ = deleteSubvolume(tmp) // sealed is sealed: what is left over is garbage
	return err
}

// sealWritten seals what is on the disk by then, or tells why it is not.
func sealWritten(tree, from string) error {
	if err := driver.SyncFileSystem(from); err != nil {
		return err
	}
	return snapshotSubvolume(tree, from, true)
}

// Usage reads the extent maps. Files of at most 2048 bytes lie in metadata and
// count with their size; what metadata costs besides is not counted.
func (*Driver) Usage(ctx context.Context, tree string) (driver.Usage, error) {
	tree = filepath.Clean(tree)
	if err := driver.CheckDir(tree); err != nil {
		return driver.Usage{}, fmt.Errorf("measure tree %s: %w", tree, err)
	}
	u, err := reflink.TreeUsage(ctx, tree)
	if err != nil {
		return driver.Usage{}, err
	}
	return driver.Usage{Total: u.Shared + u.Exclusive, Shared: u.Shared, Exclusive: u.Exclusive, Known: true}, nil
}

// Holds reports whether path is a subvolume. Ask it anew each time: "cargo clean"
// removes a target directory that is one, and the next build makes an ordinary
// directory.
func (*Driver) Holds(path string) (bool, error) {
	path = filepath.Clean(path)
	err := driver.CheckDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, driver.ErrNotTree):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look at tree: %w", err)
	}
	return isSubvolume(path), nil
}

// checkNew checks what an ioctl does not: the kernel allows 255 bytes for the
// name of a subvolume, the argument has room for thousands, and a NUL would end it.
func checkNew(ctx context.Context, tree string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name := filepath.Base(tree)
	switch {
	case len(name) > unix.NAME_MAX:
		return unix.ENAMETOOLONG
	case strings.ContainsRune(tree, 0), name == "..", name == ".", name == "/":
		return unix.EINVAL
	}
	// A parent that is not Btrfs is told by the ioctl (ENOTTY).
	if err := driver.ClearStub(tree); err != nil {
		return err
	}
	if _, err := os.Lstat(tree); err == nil {
		return fs.ErrExist
	}
	return nil
}
