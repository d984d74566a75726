// Package kernelclock reads the clock that the kernel stamps files with. It is the one
// to compare times of files with: time.Now runs ahead of it by up to a tick (1 to 10
// ms before Linux 6.13), and a file system may count coarser still. So the kernel is
// asked to date a file, and the date is read.
//
// A Clock may be used by several goroutines at once, until it is closed.
package kernelclock

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

// A Clock is a file that the kernel may date.
type Clock struct {
	path string
	fd   int // of a file without a name; -1
}

// Open returns the clock that dates the file path, if that is there and may be dated.
// Else it dates one without a name in the directory dir: making one with a name would
// change the time of dir, which others may look at. Where a file system has none
// without names, it dates one in memory.
func Open(path, dir string) (*Clock, error) {
	c := &Clock{path, -1}
	if c.date() == nil {
		return c, nil
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) {
		fd, err = unix.MemfdCreate("clock", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, failed(&fs.PathError{Op: "write to", Path: filepath.Clean(dir), Err: err})
	}
	return &Clock{"/proc/self/fd/" + strconv.Itoa(fd), fd}, nil
}

// Close ends the use of the clock.
func (c *Clock) Close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
	}
}

// Now returns what a file that is written now is dated, or will be by the clock's next
// move.
func (c *Clock) Now() (time.Time, error) {
	ns, err := c.read()
	if err != nil {
		return time.Time{}, failed(err)
	}
	return time.Unix(0, ns), nil
}

// Passed returns a time of the clock after it has moved on: whatever is written from
// now on is dated later.
func (c *Clock) Passed(ctx context.Context) (time.Time, error) {
	first, err := c.read()
	for err == nil {
		var now int64
		if now, err = c.read(); err == nil && now > first {
			return time.Unix(0, first), nil
		}
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err()
		}
		time.Sleep(200 * time.Microsecond)
	}
	return time.Time{}, failed(err)
}

func (c *Clock) read() (ns int64, err error) {
	if err := c.date(); err != nil {
		return 0, err
	}
	var st unix.Stat_t
	err = unix.Stat(c.path, &st)
	return st.Mtim.Nano(), err
}

func (c *Clock) date() error {
	now := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	return unix.UtimesNanoAt(unix.AT_FDCWD, c.path, now, 0)
}

func failed(err error) error { return fmt.Errorf("read the kernel's clock: %w", err) }
