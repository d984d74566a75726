package reflink

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// errOneByOne says that a tree has something that a clone of the whole would not keep.
var errOneByOne = errors.New("not to be cloned as a whole")

// copyWhole is CopyTree in one call of clone, which may be nil. If it is not done, nothing
// is there yet.
func copyWhole(ctx context.Context, clone func(dst, src string) error, dst, src string, opts Options) (stats Stats, done bool) {
	if clone == nil || opts.Mode == Never || opts.Skip != nil {
		return Stats{}, false
	}
	dst, src = strings.TrimRight(dst, "/"), strings.TrimRight(src, "/")
	if _, err := os.Lstat(dst); !errors.Is(err, fs.ErrNotExist) {
		return Stats{}, false
	}
	stats, err := survey(ctx, src)
	if err != nil {
		return Stats{}, false
	}
	if err := clone(dst, src); err != nil {
		// What was made in part must not be in the way of the copy that now begins, and what
		// cannot be removed is an error of that.
		_ = os.RemoveAll(dst)
		return Stats{}, false
	}
	return stats, true
}

// survey counts what is in the directory dir. It fails if there is anything of which a clone
// of the whole is not known to be what CopyTree promises: files with several links, which
// become one file each; set-id bits, which are dropped; what is neither file, directory nor
// link; and what cannot be looked at.
func survey(ctx context.Context, dir string) (stats Stats, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		switch kind := st.Mode & unix.S_IFMT; {
		case kind == unix.S_IFLNK:
			return nil
		case st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0:
			return errOneByOne
		case kind == unix.S_IFDIR:
			return nil
		case kind != unix.S_IFREG || st.Nlink > 1:
			return errOneByOne
		}
		stats.count(true, st.Size)
		return nil
	})
	return stats, err
}
