//go:build amd64 || arm64 || riscv64 || loong64

package btrfs

import (
	"context"
	"path/filepath"
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
	// Those without a name lie beside dir, or in a directory that the caller may not search.
	names, _, err := inside(dir)
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
