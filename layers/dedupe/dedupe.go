// Package dedupe makes equal files in directories share their data, where the file system can: the kernel
// compares them itself, and content and times stay what they are. So it may run while somebody builds there.
//
// Any number may run at once. One that is interrupted has shared what it has shared.
package dedupe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// Least is the size of the smallest file that is looked at, in bytes: a block of the file
// system is saved by it, and Btrfs keeps smaller ones among its own data.
const Least = 4096

// Report says what was done. Bytes are before compression.
type Report struct {
	Files  int   // that share their data now and did not before
	Bytes  int64 // of them
	Shared int64 // bytes of equal files that did share it already
	Looked int64 // bytes that were read
}

// ErrCannotShare says that the file system cannot share data.
var ErrCannotShare = errors.New("the file system cannot share data between files")

// file is one that may have the same content as others.
type file struct {
	path string
	size int64
}

// Run looks at all files of directories. Those of several names are left alone: whoever gave
// them knows that they are one. progress is told how many bytes of how many were looked at.
func Run(ctx context.Context, dirs []string, progress func(done, of int64)) (Report, error) {
	bySize := map[int64][]file{}
	for _, dir := range dirs {
		if err := list(ctx, dir, bySize); err != nil {
			return Report{}, fmt.Errorf("look at %s: %w", dir, err)
		}
	}
	var r run
	var groups [][]file
	for size, all := range bySize {
		if len(all) > 1 {
			groups = append(groups, all)
			r.of += size * int64(len(all))
		}
	}
	// The largest first: who has no patience for all has most of it.
	slices.SortFunc(groups, func(a, b []file) int { return cmp.Compare(b[0].size, a[0].size) })
	for _, g := range groups {
		if err := r.group(ctx, g, progress); err != nil {
			return r.Report, err
		}
	}
	return r.Report, nil
}

func list(ctx context.Context, dir string, bySize map[int64][]file) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && path == dir {
			return err
		}
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil && st.Nlink == 1 && st.Size >= Least {
			bySize[st.Size] = append(bySize[st.Size], file{path, st.Size})
		}
		return nil
	})
}

type run struct {
	Report
	done, of int64
}

// group has files of one size share what they have in common.
func (r *run) group(ctx context.Context, files []file, progress func(done, of int64)) error {
	byContent := map[string][]file{}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		of, err := digest.OfFile(f.path)
		r.done += f.size
		if progress != nil {
			progress(r.done, r.of)
		}
		if err != nil {
			continue // it is gone, or not the caller's to read
		}
		r.Looked += f.size
		byContent[of.Digest] = append(byContent[of.Digest], f)
	}
	for _, same := range byContent {
		if err := r.same(same); err != nil {
			return err
		}
	}
	return nil
}

// same has files of one content share it. One that cannot share that of those before it, as
// it lies on another disk or cannot be changed, may be what others can share.
func (r *run) same(files []file) error {
	var sources []file
	for _, f := range files {
		shares := false
		for _, source := range sources {
			var err error
			if shares, err = r.pair(f, source); err != nil {
				return err
			}
			if shares {
				break
			}
		}
		if !shares && len(sources) < mostSources {
			sources = append(sources, f)
		}
	}
	return nil
}

// mostSources bounds how often is tried: more disks, and sealed files that share nothing,
// nobody has.
const mostSources = 4

// pair has one file share the data of another that has the same content, and reports whether
// it does now. What cannot be, for these files, is no error.
func (r *run) pair(f, with file) (shares bool, err error) {
	src, err := os.OpenFile(with.path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, nil
	}
	defer src.Close()
	dst, err := os.OpenFile(f.path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false, nil
	}
	defer dst.Close()
	if samePlaces(src, dst) {
		r.Shared += f.size
		return true, nil
	}
	switch err := reflink.Dedupe(dst, src, f.size); {
	case err == nil:
		r.Files, r.Bytes = r.Files+1, r.Bytes+f.size
		return true, nil
	case errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOTTY):
		return false, fmt.Errorf("share data in %s: %w", filepath.Dir(f.path), ErrCannotShare)
	}
	return false, nil // it was changed meanwhile, is sealed, on another disk, or another user's
}

// samePlaces reports whether two files have all their data in the same places.
func samePlaces(a, b *os.File) bool {
	extents := func(f *os.File) (list []reflink.Extent) {
		err := reflink.Extents(f, func(e reflink.Extent) error {
			list = append(list, e)
			return nil
		})
		if err != nil {
			return nil
		}
		return list
	}
	x, y := extents(a), extents(b)
	return len(x) > 0 && slices.EqualFunc(x, y, func(a, b reflink.Extent) bool {
		return a.Logical == b.Logical && a.Physical == b.Physical && a.Length == b.Length && !a.Inline && !b.Inline
	})
}
