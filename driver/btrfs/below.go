//go:build amd64 || arm64 || riscv64 || loong64

package btrfs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Below lists the subvolumes that lie below the directory dir, at any depth, but
// for what is below a directory for which skip is true. It needs no privilege, and
// leaves out what the caller may not reach.
func (*Driver) Below(ctx context.Context, dir string, skip func(path string) bool) ([]string, error) {
	var found []string
	err := below(ctx, filepath.Clean(dir), skip, &found)
	return found, err
}

func below(ctx context.Context, dir string, skip func(path string) bool, found *[]string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := reachable(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if skip(path) {
			continue
		}
		*found = append(*found, path)
		// One that cannot be listed has none for the caller.
		if err := below(ctx, path, skip, found); ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// reachable is nested without those whose names the caller cannot learn: they lie
// beside the directory, or in one that it may not search.
func reachable(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var paths []string
	var args rootrefArgs
	for {
		err := ioctl(f, iocGetSubvolRootref, unsafe.Pointer(&args))
		more := errors.Is(err, unix.EOVERFLOW)
		if err != nil && !more {
			return nil, &os.PathError{Op: "list subvolumes in", Path: dir, Err: err}
		}
		for _, ref := range args.refs[:args.num] {
			lookup := inoLookupUserArgs{dirID: ref.dirID, id: ref.id}
			if ioctl(f, iocInoLookupUser, unsafe.Pointer(&lookup)) == nil {
				paths = append(paths, filepath.Join(cString(lookup.path[:]), cString(lookup.name[:])))
			}
		}
		if !more {
			return paths, nil
		}
	}
}
