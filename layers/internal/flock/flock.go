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
	"context"
	"errors"
	"fmt"
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

// Lock locks the file path, which is created empty, with mode 0666 before umask
// as Cargo creates it, if it does not exist. If the lock is not free, notify is
// called once, unless it is nil, and Lock waits. The returned function unlocks,
// and must be called exactly once.
//
// The lock is one on the file that has the name path when Lock returns: if it
// was removed or replaced while Lock waited, Lock begins anew with the new one.
//
// If ctx ends first, its error is returned. The kernel offers no way to take back
// a waiting flock, so the lock may then still be acquired later, and is released
// at once.
func Lock(ctx context.Context, path string, mode Mode, notify func()) (unlock func() error, err error) {
	h, err := acquire(path, func(f *os.File) error {
		err := try(f, mode)
		if !errors.Is(err, ErrLocked) {
			return err
		}
		if notify != nil {
			notify()
			notify = nil
		}
		return wait(ctx, f, mode)
	})
	if err != nil {
		return nil, err
	}
	return h.Unlock, nil
}

// TryLock is Lock without waiting: if the lock is not free, the error matches
// ErrLocked.
func TryLock(path string, mode Mode) (unlock func() error, err error) {
	h, err := TryHold(path, mode)
	if err != nil {
		return nil, err
	}
	return h.Unlock, nil
}

// TryHold is TryLock for callers who want to know more of the file.
func TryHold(path string, mode Mode) (*Held, error) {
	return acquire(path, func(f *os.File) error { return try(f, mode) })
}

// errAbandoned says that a goroutine still waits on the file and will close it.
type errAbandoned struct{ cause error }

func (e *errAbandoned) Error() string { return e.cause.Error() }
func (e *errAbandoned) Unwrap() error { return e.cause }

func acquire(path string, lock func(*os.File) error) (*Held, error) {
	for {
		f, err := open(path)
		if err != nil {
			return nil, fmt.Errorf("lock file: %w", err)
		}
		if err := lock(f); err != nil {
			var abandoned *errAbandoned
			if !errors.As(err, &abandoned) {
				f.Close()
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		same, err := stillNamed(f, path)
		if same && err == nil {
			return &Held{file: f}, nil
		}
		if err := errors.Join(err, unlock(f)); err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

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

func wait(ctx context.Context, f *os.File, mode Mode) error {
	done := make(chan error)
	go func() {
		err := flock(f, int(mode))
		select {
		case done <- err:
		case <-ctx.Done():
			// The caller may have taken the result of neither channel yet, but
			// once it sees ctx it never takes this one.
			if err == nil {
				unlock(f)
			} else {
				f.Close()
			}
		}
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return &errAbandoned{ctx.Err()}
	}
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
