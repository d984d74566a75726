package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
)

// A store may be one that this process can read and not write, since it runs in a
// sandbox or a container. Its layers can be restored all the same: a lease is a lock,
// which needs no right to write, on a file that was made with the layer.

// IsReadOnly reports whether err says that something cannot be written here, by
// whatever forbids it: mount, mode, Landlock.
func IsReadOnly(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}

// Writable returns nil if layers can be made in the store, and else why not, with
// what would help.
func (s *Store) Writable() error {
	// What an access(2) says is not what Landlock does.
	f, err := os.CreateTemp(s.opts.Dir, atomicfile.TempPrefix+"*")
	if err == nil {
		return errors.Join(f.Close(), os.Remove(f.Name()))
	}
	// The name tried is of no interest.
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	err = fmt.Errorf("write to store %s: %w", s.opts.Dir, err)
	if IsReadOnly(err) {
		return &HelpError{err, "run it where the store can be written, outside of this sandbox or container"}
	}
	return err
}

// lockPlace keeps other commands of this program away from a build directory. The
// lock is a file in the store. Where none can be made, it is the directory that holds
// the build directory; those who have a file share that one.
func (s *Store) lockPlace(ctx context.Context, t target, wait func()) (unlock func() error, err error) {
	file, err := flock.Lock(ctx, s.claimFile(t), flock.Exclusive, wait)
	if err != nil && !IsReadOnly(err) {
		return nil, err
	}
	mode := flock.Shared
	if err != nil {
		mode = flock.Exclusive
		if err := driver.MakeDirs(filepath.Dir(t.path), 0o777); err != nil {
			return nil, err
		}
	}
	dir, derr := flock.Lock(ctx, filepath.Dir(t.path)+"/", mode, wait)
	switch {
	case file == nil && derr != nil:
		return nil, derr
	case file == nil:
		return dir, nil
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), file())
	case derr != nil: // not there yet, or on a network
		return file, nil
	}
	return func() error { return errors.Join(dir(), file()) }, nil
}

// clockFile is a file that the kernel may stamp: it tells the time that the kernel
// stamps others with. done ends its use.
func (s *Store) clockFile(t target) (path string, done func(), err error) {
	path = s.claimFile(t)
	now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, now, 0); err == nil {
		return path, func() {}, nil
	}
	// One without a name, since the directory's own time is looked at by cargo.
	dir := filepath.Dir(t.path)
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) {
		fd, err = unix.MemfdCreate("clock", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return "", nil, &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return "/proc/self/fd/" + strconv.Itoa(fd), func() { unix.Close(fd) }, nil
}

// instant returns a time of the clock that the kernel stamps files with, after
// that clock has moved on: whatever is written from now on is newer.
func (s *Store) instant(ctx context.Context, t target) (time.Time, error) {
	path, done, err := s.clockFile(t)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the kernel's clock: %w", err)
	}
	defer done()
	stamp := func() (int64, error) {
		now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, now, 0); err != nil {
			return 0, err
		}
		var st unix.Stat_t
		err := unix.Stat(path, &st)
		return st.Mtim.Nano(), err
	}
	first, err := stamp()
	for err == nil {
		var now int64
		if now, err = stamp(); err == nil && now > first {
			return time.Unix(0, first), nil
		}
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err()
		}
		time.Sleep(200 * time.Microsecond)
	}
	return time.Time{}, fmt.Errorf("read the kernel's clock: %w", err)
}

// noted is what a build directory is told of its store: nothing, where that was named
// for one command only.
func (s *Store) noted() string {
	if s.opts.Passing {
		return ""
	}
	return s.opts.Dir
}

// RemoveEmpty takes away a store without layers. With any, or while somebody works in
// it, the error says so and it stays.
func (s *Store) RemoveEmpty(ctx context.Context) error {
	unlock, err := flock.TryLock(filepath.Join(s.opts.Dir, lockFile), flock.Exclusive)
	if errors.Is(err, flock.ErrLocked) {
		err = ErrInUse
	}
	if err != nil {
		return fmt.Errorf("remove store %s: %w", s.opts.Dir, err)
	}
	defer unlock()
	left, err := names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return fmt.Errorf("remove store %s: %w", s.opts.Dir, err)
	}
	for _, name := range left {
		if isID(name) {
			return fmt.Errorf("remove store %s: layer %s is in it", s.opts.Dir, name)
		}
	}
	for _, name := range left {
		if strings.HasPrefix(name, trashPrefix) || strings.HasPrefix(name, ".tmp-") {
			if err := s.opts.Driver.Delete(ctx, s.tree(name)); err != nil {
				return fmt.Errorf("remove store %s: %w", s.opts.Dir, err)
			}
		}
	}
	// Without its version it is a store for nobody, whatever happens from here on.
	if err := os.Remove(filepath.Join(s.opts.Dir, versionFile)); err != nil {
		return fmt.Errorf("remove store %s: %w", s.opts.Dir, err)
	}
	if err := s.opts.Driver.Delete(ctx, s.opts.Dir); err != nil {
		return fmt.Errorf("remove store %s: %w", s.opts.Dir, err)
	}
	return nil
}
