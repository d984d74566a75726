package btrfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// snapshot makes a writable snapshot of the subvolume from, with ordinary
// directories where the subvolumes inside it are, which lie right inside it at the
// relative paths given.
func snapshot(ctx context.Context, tree, from string, inside []string) error {
	if err := snapshotSubvolume(tree, from, false); err != nil {
		return err
	}
	for _, rel := range inside {
		if err := takeIn(ctx, filepath.Join(tree, rel), filepath.Join(from, rel)); err != nil {
			return errors.Join(fmt.Errorf("take in the subvolume %s: %w", filepath.Join(from, rel), err), deleteSubvolume(tree))
		}
	}
	return nil
}

// takeIn puts a copy of the subvolume from, with all that lies in it, in the place
// of its stub. The directory around keeps its time, which Cargo may go by.
func takeIn(ctx context.Context, stub, from string) error {
	parent := filepath.Dir(stub)
	var st unix.Stat_t
	if err := unix.Stat(parent, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: parent, Err: err}
	}
	if is, err := driver.IsStub(stub); err != nil || !is {
		return err // it was made or deleted meanwhile
	}
	if err := driver.ClearStub(stub); err != nil {
		return err
	}
	if err := copyTree(ctx, stub, from); err != nil {
		return err
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, parent, times, 0); err != nil {
		return &fs.PathError{Op: "set times", Path: parent, Err: err}
	}
	return nil
}

func copyTree(ctx context.Context, tree, from string) error {
	_, err := reflink.CopyTree(ctx, tree, from, reflink.Options{Mode: reflink.Always, LeftOut: driver.LeftOut(ctx, from)})
	return err
}
