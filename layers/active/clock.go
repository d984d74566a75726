package active

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// clockFile is a file that the kernel may stamp: it tells the time that the kernel
// stamps others with. done ends its use.
func (c *Claim) clockFile() (path string, done func(), err error) {
	path = c.file
	now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, now, 0); err == nil {
		return path, func() {}, nil
	}
	// One without a name, since the directory's own time is looked at by cargo.
	dir := filepath.Dir(c.Path)
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) {
		fd, err = unix.MemfdCreate("clock", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return "", nil, &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return "/proc/self/fd/" + strconv.Itoa(fd), func() { unix.Close(fd) }, nil
}

// Tick returns a time of the clock that the kernel stamps files with, after
// that clock has moved on: whatever is written from now on is newer.
func (c *Claim) Tick(ctx context.Context) (time.Time, error) {
	path, done, err := c.clockFile()
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

// Now reads the clock that the kernel stamps files with, in ns.
func (c *Claim) Now() (int64, error) {
	path, done, err := c.clockFile()
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
