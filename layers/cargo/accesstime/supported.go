package accesstime

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Supported reports whether the mount that a directory is on notes that a file was read
// after Mark. It is tried on a file without a name, which leaves the directory's own time
// alone; where a file system has none such, the answer is no.
func Supported(dir string) (bool, error) {
	failed := func(err error) error {
		return fmt.Errorf("try access times: %w", &fs.PathError{Op: "write to", Path: dir, Err: err})
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) {
		return false, nil
	}
	if err != nil {
		return false, failed(err)
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	if _, err := f.Write([]byte("x")); err != nil {
		return false, err
	}
	var before, after unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil {
		return false, failed(err)
	}
	times := []unix.Timespec{unix.NsecToTimespec(before.Mtim.Nano() - 1), {Nsec: unix.UTIME_OMIT}}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), times, 0); err != nil {
		return false, failed(err)
	}
	if _, err := f.ReadAt(make([]byte, 1), 0); err != nil {
		return false, err
	}
	if err := unix.Fstat(fd, &after); err != nil {
		return false, failed(err)
	}
	return after.Atim.Nano() >= before.Mtim.Nano(), nil
}
