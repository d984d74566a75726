package reflink

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// NewFile makes the new file dst a clone of src, with its mode, and its time
// unless another than the zero time is given.
func (c *Copier) NewFile(ctx context.Context, dst, src string, mtime time.Time) error {
	from, err := openAt(unix.AT_FDCWD, src, unix.O_RDONLY, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: src, Err: err}
	}
	defer unix.Close(from)
	var st unix.Stat_t
	if err := unix.Fstat(from, &st); err != nil {
		return &fs.PathError{Op: "fstat", Path: src, Err: err}
	}
	st.Atim = st.Mtim
	if !mtime.IsZero() {
		st.Atim = unix.NsecToTimespec(mtime.UnixNano())
		st.Mtim = st.Atim
	}
	_, err = c.newFile(ctx, target{dir: unix.AT_FDCWD, name: dst, path: dst}, from, &st, false)
	return err
}

// A target is the name of a file that is to be made.
type target struct {
	dir  int    // the open directory it is in
	name string // there
	path string // for messages
	// plain, unless nil, is the mode and 1 with which a file was last made in the directory and
	// had it: the umask and the directory's access lists take nothing from it.
	plain *atomic.Uint32
}

func (t target) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: t.path, Err: err}
}

// newFile makes a clone of src, with the permissions and times of st; all: with what else
// there is of modes, and with attributes. To look whether a file has its mode by having been
// made with it costs less than to set it.
func (c *Copier) newFile(ctx context.Context, dst target, src int, st *unix.Stat_t, all bool) (cloned bool, err error) {
	mode := uint32(st.Mode) & 0o777
	if all {
		mode = uint32(st.Mode) & 0o7777
	}
	if clonesNames && c.wants(st) {
		err := cloneName(dst.dir, dst.name, src)
		if err == nil {
			err = chmodAt(dst, mode)
			return true, errors.Join(err, setTimes(dst, st))
		}
		if errors.Is(err, fs.ErrExist) {
			return false, dst.failed("open", err)
		}
		if err := c.judged(err); err != nil {
			return false, dst.failed("clone", err)
		}
	}
	// For reading, too, or the kernel could not be asked what it can do with it (canShare).
	fd, err := openAt(dst.dir, dst.name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, mode&0o777|0o600)
	if err != nil {
		return false, dst.failed("open", err)
	}
	defer func() {
		if closing := unix.Close(fd); closing != nil {
			err = errors.Join(err, dst.failed("close", closing))
		}
	}()
	if cloned, err = c.content(ctx, fd, src, st); err != nil {
		return false, dst.failed("copy", err)
	}
	if all {
		copyAttributes(src, func(name string, value []byte) { unix.Fsetxattr(fd, name, value, 0) })
	}
	if err := dst.chmod(fd, mode); err != nil {
		return false, dst.failed("chmod", err)
	}
	if err := setTimesOpen(fd, dst.dir, dst.name, st); err != nil {
		return false, dst.failed("set times", err)
	}
	return cloned, nil
}

// chmod gives a file that was made with a mode that mode, if it has not got it.
func (t target) chmod(fd int, mode uint32) error {
	if t.plain != nil && t.plain.Load() == mode+1 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if uint32(st.Mode)&0o7777 != mode {
		return unix.Fchmod(fd, mode)
	}
	if t.plain != nil && mode&^0o777 == 0 {
		t.plain.Store(mode + 1)
	}
	return nil
}

func chmodAt(dst target, mode uint32) error {
	if err := unix.Fchmodat(dst.dir, dst.name, mode, 0); err != nil {
		return dst.failed("chmod", err)
	}
	return nil
}

func setTimes(dst target, st *unix.Stat_t) error {
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(dst.dir, dst.name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return dst.failed("set times", err)
	}
	return nil
}
