package reflink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// A RoomError says that a copy of a tree was not begun, as there is no room for it. It
// matches ENOSPC.
type RoomError struct {
	Need, Free   int64 // bytes
	Files, Names int64 // what the tree has, and how many more there may be on the file system
}

func (e *RoomError) Error() string {
	if e.Files > e.Names && e.Need <= e.Free {
		return fmt.Sprintf("%d files to copy, and the file system takes %d more: %v", e.Files, e.Names, unix.ENOSPC)
	}
	return fmt.Sprintf("%d MB to copy, and %d MB are free: %v", (e.Need+999_999)/1_000_000, e.Free/1_000_000, unix.ENOSPC)
}

// Unwrap makes it a lack of room like any other.
func (e *RoomError) Unwrap() error { return unix.ENOSPC }

// weight is what a tree takes, and what a copy of it would. That is less where files have
// room to grow, as XFS gives those that were just written.
type weight struct{ blocks, data, files int64 }

// checkRoom fails with a RoomError if there is no room in dst, or in the directory it is to be
// made in, for so much. What was just removed is free once that is on the disk.
func checkRoom(dst string, w weight) error {
	err := roomNow(dst, w)
	if errors.Is(err, unix.ENOSPC) && flush(dst) == nil {
		err = roomNow(dst, w)
	}
	return err
}

func roomNow(dst string, w weight) error {
	st, err := statfs(dst)
	if err != nil {
		return err
	}
	free, err := Free(dst)
	if err != nil {
		return err
	}
	e := RoomError{Need: w.data, Free: free, Files: w.files, Names: int64(st.Ffree)}
	if st.Files == 0 { // it makes them as they are needed, as Btrfs does
		e.Names = e.Files
	}
	if e.Need > e.Free || e.Files > e.Names {
		return &e
	}
	return nil
}

// plentyIn reports whether there is room in dst for all that the file system of src holds,
// so that nobody need look at what is in src. That is said only of file systems that neither
// compress nor share, on which no file is larger than what it takes.
func plentyIn(dst string, src *source) bool {
	from, err := statfs(src.dir)
	if err != nil || !takesWhatItHolds(from) {
		return false
	}
	to, err := statfs(dst)
	if err != nil {
		return false
	}
	free, err := Free(dst)
	return err == nil && uint64(free) > (uint64(from.Blocks)-uint64(from.Bfree))*uint64(from.Bsize) &&
		uint64(to.Ffree) > uint64(from.Files)-uint64(from.Ffree)
}

// A scale weighs a tree.
type scale struct {
	ctx  context.Context
	src  *source
	skip func(rel string, d fs.DirEntry) bool
	seen map[inode]bool
	sum  weight
}

// weigh adds up what is in src, with each file that has several names once. What cannot be
// looked at weighs nothing, src itself excepted; whether that is an error the copy finds.
func weigh(ctx context.Context, src *source, skip func(rel string, d fs.DirEntry) bool) (weight, error) {
	s := &scale{ctx: ctx, src: src, skip: skip, seen: map[inode]bool{}}
	dirs := []string{""}
	for len(dirs) > 0 && ctx.Err() == nil {
		rel := dirs[len(dirs)-1]
		more, err := s.dir(rel)
		if err != nil && rel == "" {
			return weight{}, err
		}
		dirs = append(dirs[:len(dirs)-1], more...)
	}
	return s.sum, ctx.Err()
}

// dir weighs what is in one directory, and returns those in it.
func (s *scale) dir(rel string) (dirs []string, err error) {
	s.sum.files++
	dir, err := s.src.open(rel, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	for _, d := range entries {
		switch {
		case s.skip != nil && s.skip(below(rel, d.Name()), d):
		case d.IsDir():
			dirs = append(dirs, below(rel, d.Name()))
		case d.Type() == fs.ModeSymlink:
			s.sum.files++
		case d.Type().IsRegular():
			s.file(int(dir.Fd()), d.Name())
		}
	}
	return dirs, err
}

func (s *scale) file(dir int, name string) {
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return
	}
	if st.Nlink > 1 {
		id := inode{uint64(st.Dev), st.Ino}
		if s.seen[id] {
			return
		}
		s.seen[id] = true
	}
	const whole = 4096        // what a file takes is a multiple of it
	blocks := st.Blocks * 512 // always units of 512, whatever st_blksize is
	s.sum.blocks += blocks
	s.sum.data += min(blocks, (st.Size+whole-1)/whole*whole)
	s.sum.files++
}
