package driver

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
	"strings"

	"golang.org/x/sys/unix"
)

// RemoveAll removes the directory path with all in it, also directories without
// write permission for their owner, which [os.RemoveAll] leaves (some build
// scripts make such). It is for drivers and for callers with a directory that no
// driver made. A path that does not exist is no error.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	openUp(path) // what cannot be changed shows when the removal is tried again
	return os.RemoveAll(path)
}

// openUp gives the owner of a directory, and of those in it, every right that is lacking.
// It goes from one open directory to the next: where somebody puts a link in the place of
// one meanwhile, what that leads to stays as it is.
func openUp(path string) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	// The directory itself may be one that cannot be opened to be read.
	same := filepath.Join("/proc/self/fd", strconv.Itoa(fd))
	if info, err := os.Stat(same); err == nil && info.Mode().Perm()&0o700 != 0o700 {
		_ = os.Chmod(same, 0o700)
	}
	root, err := os.OpenRoot(same)
	if err != nil {
		return
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		// It is called first for each directory before that is read, then again with
		// err if reading failed.
		if err == nil && d.IsDir() {
			if info, err := root.Lstat(name); err == nil && info.Mode().Perm()&0o700 != 0o700 {
				_ = root.Chmod(name, 0o700)
			}
		}
		return nil
	})
}

// CheckRemovable returns nil if path is a directory that contains no mount point
// and is none, an error matching ErrNotTree or ErrBusy if it is not so, and one
// matching [io/fs.ErrNotExist] if there is nothing. Drivers ask it before they
// delete: neither removing files one by one nor destroying a subvolume is stopped
// by the kernel at a mount point (Linux 6.18).
func CheckRemovable(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: %w", path, ErrNotTree)
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return err
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("read mount points: %w", err)
	}
	mounts, err := parseMountPoints(bytes.NewReader(table))
	if err != nil {
		return fmt.Errorf("read mount points: %w", err)
	}
	for _, m := range mounts {
		if m == real || strings.HasPrefix(m, strings.TrimSuffix(real, "/")+"/") {
			return fmt.Errorf("%s: %w", m, ErrBusy)
		}
	}
	return nil
}

// parseMountPoints takes the fifth field of each line of mountinfo, see proc(5).
func parseMountPoints(r io.Reader) ([]string, error) {
	var mounts []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20) // an overlay of many layers makes long lines
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			return nil, fmt.Errorf("parse mount point %q: too few fields", lines.Text())
		}
		mounts = append(mounts, unescape(fields[4]))
	}
	return mounts, lines.Err()
}

// unescape undoes the octal escapes of seq_path: space, tab, newline, backslash.
func unescape(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		s = after
		if len(s) >= 3 {
			if c, err := strconv.ParseUint(s[:3], 8, 8); err == nil {
				b.WriteByte(byte(c))
				s = s[3:]
				continue
			}
		}
		b.WriteByte('\\')
	}
}
