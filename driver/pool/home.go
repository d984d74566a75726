package pool

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Home returns the directory of a user in the pool. It fails with ErrNone, ErrNotMounted or
// ErrNoHome where there is none, and never with a directory that is only a part of the way: the
// mount point of a pool that is not mounted is no place to put anything.
func (p Pool) Home(uid int) (string, error) {
	if _, ok := mountedAt(p.Mount); !ok {
		if p.image() == "" {
			return "", fmt.Errorf("look for %s: %w", p.Mount, ErrNone)
		}
		return "", fmt.Errorf("look at %s: %w", p.Mount, ErrNotMounted)
	}
	entries, err := os.ReadDir(p.Mount)
	if err != nil {
		return "", fmt.Errorf("look at the pool: %w", err)
	}
	for _, e := range entries {
		var st unix.Stat_t
		dir := filepath.Join(p.Mount, e.Name())
		if !strings.HasPrefix(e.Name(), ".") && unix.Lstat(dir, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == uid {
			return dir, nil
		}
	}
	return "", fmt.Errorf("look at %s: %w", p.Mount, ErrNoHome)
}

// makeHome makes the directory of a user.
func (p Pool) makeHome(u *user.User) (string, error) {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return "", fmt.Errorf("make the directory of %s: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return "", fmt.Errorf("make the directory of %s: %w", u.Username, err)
	}
	if dir, err := p.Home(uid); err == nil {
		return dir, nil
	} else if !errors.Is(err, ErrNoHome) {
		return "", err
	}
	// Not by a name that is there: it would be given away, with all that is in it.
	dir := filepath.Join(p.Mount, filepath.Base(u.Username))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the directory of %s: %w", u.Username, err)
	}
	if err := errors.Join(os.Chown(dir, uid, gid), os.Chmod(dir, 0o755)); err != nil {
		return "", fmt.Errorf("make the directory of %s: %w", u.Username, errors.Join(err, os.Remove(dir)))
	}
	return dir, nil
}
