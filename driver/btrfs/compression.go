package btrfs

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
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
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, tree, 0, unix.STATX_MNT_ID, &st) != nil || st.Mask&unix.STATX_MNT_ID == 0 {
		return false // Linux before 5.8
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	return err == nil && mountCompresses(string(mounts), st.Mnt_id)
}

// mountCompresses reports whether a mount has an option that says how to compress. The
// options of a file system are the third field behind the dash (proc(5), mountinfo), and
// hold for all of its mounts.
func mountCompresses(mountinfo string, id uint64) bool {
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(line, " - ")
		fields, source := strings.Fields(before), strings.Fields(after)
		if len(fields) == 0 || len(source) < 3 || fields[0] != strconv.FormatUint(id, 10) {
			continue
		}
		for option := range strings.SplitSeq(source[2], ",") {
			if name, _, _ := strings.Cut(option, "="); name == "compress" || name == "compress-force" {
				return true
			}
		}
	}
	return false
}
