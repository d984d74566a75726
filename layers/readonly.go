package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/locate"
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
	first, err := stamp(path)
	for err == nil {
		var now int64
		if now, err = stamp(path); err == nil && now > first {
			return time.Unix(0, first), nil
		}
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err()
		}
		time.Sleep(200 * time.Microsecond)
	}
	return time.Time{}, fmt.Errorf("read the kernel's clock: %w", err)
}

// now reads the clock that the kernel stamps files with, in ns.
func (s *Store) now(t target) (int64, error) {
	path, done, err := s.clockFile(t)
	if err != nil {
		return 0, fmt.Errorf("read the kernel's clock: %w", err)
	}
	defer done()
	at, err := stamp(path)
	if err != nil {
		return 0, fmt.Errorf("read the kernel's clock: %w", err)
	}
	return at, nil
}

// stamp has the kernel date a file, and returns the date in ns.
func stamp(path string) (int64, error) {
	now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, now, 0); err != nil {
		return 0, err
	}
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	return st.Mtim.Nano(), err
}

// noted is what a build directory is told of its store: nothing, where that was named
// for one command only.
func (s *Store) noted() locate.Remembered {
	if s.opts.Passing {
		return locate.Remembered{}
	}
	return locate.Remembered{Dir: s.opts.Dir, Named: s.opts.Named}
}
