package reflink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// TreeUsage sums the space of the files below dir, each file with several hard
// links once; see [FileUsage]. A file that the caller may not read counts as one that
// shares nothing, a directory as empty, and so does one whose path the kernel does not take.
func TreeUsage(ctx context.Context, dir string) (Usage, error) {
	var sum Usage
	err := walkFiles(ctx, dir, func(path string, st *unix.Stat_t) error {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unused, 0)
		if errors.Is(err, unix.EPERM) { // that is for the owner only
			f, err = os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
		}
		if errors.Is(err, unix.EACCES) {
			sum.Exclusive += st.Blocks * 512
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		u, err := FileUsage(f)
		sum.Shared += u.Shared
		sum.Exclusive += u.Exclusive
		return err
	})
	if err != nil {
		return Usage{}, fmt.Errorf("measure %s: %w", dir, err)
	}
	return sum, nil
}

// TreeBlocks sums the bytes allocated to the files below dir as stat(2) gives
// them, each file with several hard links once. It works on every file system.
func TreeBlocks(ctx context.Context, dir string) (int64, error) {
	src, err := openSource(dir)
	if err != nil {
		return 0, fmt.Errorf("measure %s: %w", dir, err)
	}
	defer src.close()
	w, err := weigh(ctx, src, nil)
	if err != nil {
		return 0, fmt.Errorf("measure %s: %w", dir, err)
	}
	return w.blocks, nil
}

func walkFiles(ctx context.Context, dir string, visit func(path string, st *unix.Stat_t) error) error {
	seen := map[inode]bool{}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if (errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENAMETOOLONG)) && path != dir {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		if st.Nlink > 1 {
			id := inode{uint64(st.Dev), st.Ino}
			if seen[id] {
				return nil
			}
			seen[id] = true
		}
		return visit(path, &st)
	})
}
