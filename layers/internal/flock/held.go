package flock

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Held is a lock that is held.
type Held struct {
	file  *os.File
	watch *watch // in place of the lease, of a file of another user
}

// Name is the path of the file.
func (h *Held) Name() string { return h.file.Name() }

// IsNamed reports whether the file still has the name by which it was locked.
func (h *Held) IsNamed() bool {
	same, err := stillNamed(h.file, h.file.Name())
	return same && err == nil
}

// Unlock gives the lock back, and what Guard took. It must be called exactly
// once.
func (h *Held) Unlock() error { return errors.Join(h.unwatch(), unlock(h.file)) }

// Guard makes sure that nobody else has the file open, and keeps it so: whoever
// opens it from now on is kept waiting in open(2) until Unguard or Unlock, and
// seen by Disturbed. If somebody has it open, to wait for the lock or to ask for
// it the next moment, the error matches ErrLocked.
//
// It is a write lease of fcntl(2). A file system without leases, such as NFS,
// is not guarded; Cargo's locks mean nothing there either. Nobody may take a lease
// on a file of another user: of such a one those who open it are seen, not kept.
func (h *Held) Guard() error {
	err := h.take()
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		h.watch, err = watchOpens(h.file)
	}
	return err
}

func (h *Held) take() error {
	err := h.lease(unix.F_WRLCK)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("guard %s: %w", h.file.Name(), ErrLocked)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOLCK):
		return nil
	case err != nil:
		return fmt.Errorf("guard %s: %w", h.file.Name(), err)
	}
	return nil
}

// Disturbed reports whether somebody waits to open a guarded file.
func (h *Held) Disturbed() (bool, error) {
	if h.watch != nil {
		return h.watch.disturbed()
	}
	kind, err := h.fcntl(unix.F_GETLEASE, 0)
	if errors.Is(err, unix.EINVAL) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at guard of %s: %w", h.file.Name(), err)
	}
	// A lease being broken says what it will be: none.
	return kind != unix.F_WRLCK, nil
}

// Unguard lets others open the file again.
func (h *Held) Unguard() error {
	if h.watch != nil {
		return h.unwatch()
	}
	if err := h.lease(unix.F_UNLCK); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("end guard of %s: %w", h.file.Name(), err)
	}
	return nil
}

// Waited reports whether somebody waits for the lock, as far as the kernel tells.
func (h *Held) Waited() (bool, error) {
	fi, err := h.file.Stat()
	if err != nil {
		return false, err
	}
	return (&watch{ino: fi.Sys().(*syscall.Stat_t).Ino}).waited()
}

func (h *Held) unwatch() error {
	if h.watch == nil {
		return nil
	}
	fd := h.watch.fd
	h.watch = nil
	return unix.Close(fd)
}

func (h *Held) lease(kind int) error {
	_, err := h.fcntl(unix.F_SETLEASE, kind)
	return err
}

func (h *Held) fcntl(cmd, arg int) (int, error) {
	conn, err := h.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var (
		result int
		failed error
	)
	err = conn.Control(func(fd uintptr) { result, failed = unix.FcntlInt(fd, cmd, arg) })
	return result, errors.Join(err, failed)
}
