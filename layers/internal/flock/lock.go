package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
)

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
	h, err := Hold(ctx, path, mode, notify)
	if err != nil {
		return nil, err
	}
	return h.Unlock, nil
}

// Hold is Lock for callers who want to know more of the file.
func Hold(ctx context.Context, path string, mode Mode, notify func()) (*Held, error) {
	return acquire(path, func(f *os.File) error {
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
