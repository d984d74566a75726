package reflink

import (
	"cmp"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// A source opens what lies in one directory, and nothing else. While a tree is copied,
// somebody may put a link in the place of a directory that was just listed; followed, it
// would lead out of the tree.
type source struct {
	dir  string
	root *os.File
	// byName: the kernel has no openat2(2) (before Linux 5.6, or a sandbox hides it).
	// Then only the last element of a path is kept from being a link.
	byName bool
}

func openSource(dir string) (*source, error) {
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	s := &source{dir: dir, root: root}
	fd, err := s.beneath(".", unix.O_PATH)
	if err == nil {
		unix.Close(fd)
	}
	s.byName = errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) // as sandboxes say it
	return s, nil
}

func (s *source) close() { s.root.Close() }

// open opens what is at rel, "" for the directory itself. It follows no link.
func (s *source) open(rel string, flags int) (*os.File, error) {
	path := join(s.dir, rel)
	if s.byName {
		if rel != "" {
			flags |= unix.O_NOFOLLOW
		}
		return os.OpenFile(path, flags, 0)
	}
	fd, err := s.beneath(cmp.Or(rel, "."), flags)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func (s *source) beneath(rel string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	for {
		fd, err := unix.Openat2(int(s.root.Fd()), rel, &how)
		// EAGAIN: something was renamed meanwhile, and the kernel could not be sure.
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}
