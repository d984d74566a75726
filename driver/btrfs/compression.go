package btrfs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/reflink/mounts"
)

// Compression is how a new tree compresses what is written into it. It goes by a property
// that files and directories take from the directory they are made in, and that goes before
// the mount's option.
type Compression struct {
	// Algorithm is "zstd", "lzo" or "zlib"; "none" so that nothing is compressed, "" to leave
	// it to the place. The level is the mount's, and zstd's is 3 where the mount has none
	// (Linux fs/btrfs/inode.c, compress_file_range): one in a property goes for nothing, as
	// five of them that left the same bytes show.
	Algorithm string
	// Yields: where somebody has chosen for the place, by its property or an option of the
	// mount, that holds.
	Yields bool
}

const property = "btrfs.compression" // Linux fs/btrfs/props.c

// apply has a new tree compress. It is refused where checksums are off, as on a mount with
// nodatasum: there the tree does without.
func (c Compression) apply(tree string) error {
	if c.Algorithm == "" || c.Yields && isChosen(tree) {
		return nil
	}
	err := unix.Setxattr(tree, property, []byte(c.Algorithm), 0)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("compress %s: %w", tree, err)
	}
	return nil
}

// isChosen reports whether somebody has said how the place of a new tree compresses.
func isChosen(tree string) bool {
	if n, err := unix.Getxattr(tree, property, nil); err == nil && n > 0 {
		return true // it takes after the directory it was made in
	}
	m, err := mounts.Of(tree)
	return err == nil && (m.Has("compress") || m.Has("compress-force"))
}
