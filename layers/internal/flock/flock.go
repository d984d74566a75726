// Package flock locks files as Cargo does, with flock(2), so that this program
// and Cargo exclude each other (Cargo 1.95, util/flock.rs and std's File::lock).
//
// A lock belongs to an open file: two Locks of one path in one process exclude
// each other like those of two processes. It ends with its process, however that
// ends. The functions may be used by any number of goroutines at once; the race
// detector, though, sees no file lock, so data guarded by one within a process
// needs a mutex too.
package flock

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Mode is the kind of a lock.
type Mode int

const (
	Shared    Mode = unix.LOCK_SH // many holders, none of them Exclusive
	Exclusive Mode = unix.LOCK_EX // one holder
)

// ErrLocked is returned by TryLock if another holder is in the way.
var ErrLocked = errors.New("locked by another process")

// open falls back to a read-only descriptor, which flock accepts too, for a lock
// file on a read-only file system or of another user, and for a directory, whose path
// is to end in a slash: then nothing is created.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.EISDIR) {
		if ro, roErr := os.Open(path); roErr == nil {
			return ro, nil
		}
	}
	return f, err
}

func stillNamed(f *os.File, path string) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(mine, named), nil
}

func try(f *os.File, mode Mode) error {
	err := flock(f, int(mode)|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// unlock unlocks before it closes: between a fork and its exec, which any
// goroutine may do at any time, a child holds a copy of the descriptor that
// would keep the lock (measured: more than a quarter of immediate relocks fail).
func unlock(f *os.File) error {
	return errors.Join(flock(f, unix.LOCK_UN), f.Close())
}

func flock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno error
	err = conn.Control(func(fd uintptr) {
		for {
			errno = unix.Flock(int(fd), how)
			if errno != unix.EINTR {
				return
			}
		}
	})
	return errors.Join(err, errno)
}
