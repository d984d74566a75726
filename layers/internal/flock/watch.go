package flock

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// watch sees who opens a file, or waits to lock it.
type watch struct {
	fd  int
	ino uint64
}

// watchOpens stands in for a lease, which only the owner of a file may take. Whoever
// has opened the file before waits for the lock by now, or is about to; whoever does
// so later shows in the events.
func watchOpens(f *os.File) (*watch, error) {
	var st unix.Stat_t
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &watch{}
	var failed error
	err = conn.Control(func(fd uintptr) {
		if failed = unix.Fstat(int(fd), &st); failed != nil {
			return
		}
		if w.fd, failed = unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC); failed != nil {
			return
		}
		if _, failed = unix.InotifyAddWatch(w.fd, "/proc/self/fd/"+strconv.Itoa(int(fd)), unix.IN_OPEN); failed != nil {
			unix.Close(w.fd)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("watch %s: %w", f.Name(), err)
	}
	w.ino = st.Ino
	if waiting, err := w.waited(); err != nil || waiting {
		unix.Close(w.fd)
		if err == nil {
			err = ErrLocked
		}
		return nil, fmt.Errorf("watch %s: %w", f.Name(), err)
	}
	return w, nil
}

func (w *watch) disturbed() (bool, error) {
	buf := make([]byte, 4096)
	for {
		n, err := unix.Read(w.fd, buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return w.waited()
		case err != nil:
			return false, fmt.Errorf("read events: %w", err)
		}
		return n > 0, nil
	}
}

// waited reports whether somebody waits to lock the file. The kernel tells of a
// lock by the inode and the device of the file system; that of a subvolume of
// Btrfs is another one, so the inode has to do.
func (w *watch) waited() (bool, error) {
	f, err := os.Open("/proc/locks")
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// "7: -> FLOCK  ADVISORY  WRITE 4711 00:1f:12345 0 EOF"
		fields := strings.Fields(lines.Text())
		if i := slices.Index(fields, "FLOCK"); i > 0 && fields[i-1] == "->" && len(fields) > i+4 {
			if strings.HasSuffix(fields[i+4], ":"+strconv.FormatUint(w.ino, 10)) {
				return true, nil
			}
		}
	}
	return false, lines.Err()
}
