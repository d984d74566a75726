package flock

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Waiters reports whether somebody waits for a flock on the file f, as Cargo does
// behind "Blocking waiting for file lock". It is a look at one instant. Where the
// kernel hides the process that waits, a waiter that may be for another file with
// the same inode number counts too.
func Waiters(f *os.File) (bool, error) {
	waiting, err := waiters(f)
	if err != nil {
		return false, fmt.Errorf("look for waiters on %s: %w", f.Name(), err)
	}
	return waiting, nil
}

func waiters(f *os.File) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return false, err
	}
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return false, err
	}
	blocked, err := parseBlocked(bytes.NewReader(table))
	if err != nil {
		return false, err
	}
	dev := unix.Mkdev(unix.Major(st.Dev), unix.Minor(st.Dev))
	for _, w := range blocked {
		if w.ino != st.Ino {
			continue
		}
		if w.dev == dev {
			return true, nil
		}
		// The table names the device of the superblock. On Btrfs, where each
		// subvolume has a device number of its own (of major 0), that is another
		// than stat gives, so look at what the process has open.
		if unix.Major(st.Dev) != 0 {
			continue
		}
		open, err := hasOpen(w.pid, &st)
		if err != nil {
			return false, err
		}
		if open {
			return true, nil
		}
	}
	return false, nil
}

// hasOpen reports whether the process has the file open. If that is not to be
// known, it says yes.
func hasOpen(pid int, st *unix.Stat_t) (bool, error) {
	if pid <= 0 { // a process of another pid namespace
		return true, nil
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	fds, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return true, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
		return false, nil // it has ended meanwhile
	case err != nil:
		return false, err
	}
	for _, fd := range fds {
		var other unix.Stat_t
		if unix.Stat(filepath.Join(dir, fd.Name()), &other) != nil {
			continue // closed meanwhile
		}
		if other.Dev == st.Dev && other.Ino == st.Ino {
			return true, nil
		}
	}
	return false, nil
}

// blockedFlock is one waiting line of /proc/locks.
type blockedFlock struct {
	pid int
	dev uint64
	ino uint64
}

// parseBlocked reads /proc/locks (Linux 6.12, fs/locks.c:lock_get_status). A
// waiter follows the lock it waits for, marked by an arrow:
//
//	1: FLOCK  ADVISORY  WRITE 816 00:1f:257 0 EOF
//	1: -> FLOCK  ADVISORY  WRITE 817 00:1f:257 0 EOF
//
// Lines of any other form are passed over.
func parseBlocked(r io.Reader) ([]blockedFlock, error) {
	var blocked []blockedFlock
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := bytes.Fields(lines.Bytes())
		if len(f) < 7 || string(f[1]) != "->" || string(f[2]) != "FLOCK" {
			continue
		}
		pid, err := strconv.Atoi(string(f[5]))
		if err != nil {
			continue
		}
		id := bytes.Split(f[6], []byte(":"))
		if len(id) != 3 {
			continue
		}
		major, err1 := strconv.ParseUint(string(id[0]), 16, 32)
		minor, err2 := strconv.ParseUint(string(id[1]), 16, 32)
		ino, err3 := strconv.ParseUint(string(id[2]), 10, 64)
		if err := errors.Join(err1, err2, err3); err != nil {
			continue
		}
		blocked = append(blocked, blockedFlock{pid, unix.Mkdev(uint32(major), uint32(minor)), ino})
	}
	return blocked, lines.Err()
}
