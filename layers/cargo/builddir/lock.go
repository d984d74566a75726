package builddir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// ErrLocked says that Cargo, or another command of ours, holds a lock of the directory.
var ErrLocked = errors.New("in use by cargo")

// ErrForeign says that a directory belongs to another user, as after a build with sudo.
var ErrForeign = errors.New("it belongs to another user")

// LockFiles are what Cargo locks in a profile directory: the first one up to
// 1.95, the second since (cargo 1.96, layout.rs:Layout::new). Whoever holds both
// exclusively is alone, whatever the version.
var LockFiles = []string{".cargo-lock", ".cargo-build-lock"}

// Locks are Cargo's own locks on a build directory, held exclusively: nobody
// builds in it meanwhile.
type Locks struct {
	paths    []string
	held     []*flock.Held
	profiles map[string][]string // of each directory, when it was locked
	foreign  []foreignLock
}

// foreignLock is a lock that could not be had: the file may not be opened, or there
// is none and it may not be made. Then nobody but the owner of the directory builds
// there, with a Cargo that knows this lock.
type foreignLock struct {
	path  string // the lock file; the directory itself if that may not be listed
	there bool
}

// Lock takes Cargo's locks on every profile of the directories given, which are the build
// directory and, where it is another one, the artifact directory; build directories
// inside them are locked, too. Where somebody holds a lock it waits, after one call of
// notify; if notify is nil it fails with ErrLocked. A directory that does not exist has
// nothing to lock. Another user's lock that may not be taken is left alone; see Foreign
// and Closed.
//
// Lock never waits for one lock while it holds another: Cargo takes several, too, in an
// order of its own. But it keeps the one it has waited for while it tries the others. If
// it gave that back first, the next build that waits would have it, and where builds
// follow each other Lock would wait behind each of them.
func Lock(ctx context.Context, notify func(), dirs ...string) (*Locks, error) {
	told := false
	var waited *flock.Held
	for {
		l, busy, err := tryLock(dirs, waited)
		if err != nil || busy == "" {
			return l, err
		}
		if notify == nil {
			return nil, fmt.Errorf("lock %s: %w", filepath.Dir(busy), ErrLocked)
		}
		if !told {
			notify()
			told = true
		}
		if waited, err = flock.Hold(ctx, busy, flock.Exclusive, nil); err != nil {
			return nil, fmt.Errorf("lock %s: %w", filepath.Dir(busy), err)
		}
	}
}

// tryLock takes all locks or none, and makes have, a lock that is held already, one of
// them; it is nil, or given back if it is none of them. busy is one that somebody else
// holds.
func tryLock(dirs []string, have *flock.Held) (l *Locks, busy string, err error) {
	l = &Locks{profiles: map[string][]string{}}
	defer func() {
		if have != nil {
			err = errors.Join(err, have.Unlock())
		}
	}()
	take := func(path string) (h *flock.Held, err error) {
		// cargo clean may have removed the file, and the next build made another.
		if have == nil || have.Name() != path || !have.IsNamed() {
			return flock.TryHold(path, flock.Exclusive)
		}
		h, have = have, nil
		return h, nil
	}
	for {
		found, err := l.lockPaths(dirs)
		if err != nil {
			return nil, "", errors.Join(err, l.Unlock())
		}
		more := slices.DeleteFunc(found, func(p string) bool { return slices.Contains(l.paths, p) })
		if len(more) == 0 {
			return l, "", nil
		}
		// A build may have made a new profile just now: then look again.
		for _, path := range more {
			h, err := take(path)
			if errors.Is(err, flock.ErrLocked) {
				return nil, path, l.Unlock()
			}
			if errors.Is(err, fs.ErrPermission) {
				_, statErr := os.Lstat(path)
				l.paths = append(l.paths, path)
				l.foreign = append(l.foreign, foreignLock{path, !errors.Is(statErr, fs.ErrNotExist)})
				continue
			}
			if err != nil {
				return nil, "", errors.Join(fmt.Errorf("lock %s: %w", filepath.Dir(path), err), l.Unlock())
			}
			l.paths = append(l.paths, path)
			l.held = append(l.held, h)
		}
	}
}

func (l *Locks) lockPaths(dirs []string) ([]string, error) {
	var paths []string
	seen := map[string]bool{}
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) {
			continue
		}
		found, err := BuildsBelow(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		l.profiles[dir] = found
		_, closed, err := profiles(dir)
		if err != nil {
			return nil, err
		}
		for _, c := range closed {
			path := filepath.Join(dir, c)
			if lock := (foreignLock{path, true}); ownerOf(path) != os.Geteuid() && !slices.Contains(l.foreign, lock) {
				l.foreign = append(l.foreign, lock)
			}
		}
		for _, p := range found {
			profile := filepath.Join(dir, p)
			real, err := filepath.EvalSymlinks(profile)
			if err != nil {
				return nil, fmt.Errorf("list locks: %w", err)
			}
			if seen[real] {
				continue
			}
			seen[real] = true
			for _, f := range LockFiles {
				paths = append(paths, filepath.Join(profile, f))
			}
		}
	}
	return paths, nil
}

// ownerOf is the user that a path belongs to; -1 where that cannot be told.
func ownerOf(path string) int {
	fi, err := os.Lstat(path)
	if err != nil {
		return -1
	}
	return int(fi.Sys().(*syscall.Stat_t).Uid)
}

// Foreign lists the directories of which not all locks could be taken: their owner may be
// building there.
func (l *Locks) Foreign() []string { return l.foreignDirs(func(foreignLock) bool { return true }) }

// Closed lists those of Foreign where a lock is there that this user may not ask for:
// somebody may hold it right now.
func (l *Locks) Closed() []string { return l.foreignDirs(func(f foreignLock) bool { return f.there }) }

func (l *Locks) foreignDirs(want func(foreignLock) bool) []string {
	var dirs []string
	for _, f := range l.foreign {
		dir := f.path
		if slices.Contains(LockFiles, filepath.Base(dir)) {
			dir = filepath.Dir(dir)
		}
		if want(f) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// Guard makes sure that nobody has one of the lock files open, even without holding the
// lock, and from then on notices who opens one. A cargo that had one open would get the
// lock of this directory in the end, and then build in whichever directory has its name
// by then. If somebody has one open, the error matches ErrLocked.
func (l *Locks) Guard() error {
	if closed := l.Closed(); len(closed) > 0 {
		return fmt.Errorf("lock %s: %w", closed[0], ErrForeign)
	}
	for _, h := range l.held {
		err := h.Guard()
		if errors.Is(err, flock.ErrLocked) {
			err = fmt.Errorf("lock %s: %w", filepath.Dir(h.Name()), ErrLocked)
		}
		if err != nil {
			return errors.Join(err, l.Unguard())
		}
	}
	return nil
}

// Disturbed reports whether, since Guard, somebody has opened a lock file or made a new
// profile. now is the present name of the directory that was locked under the name dir.
func (l *Locks) Disturbed(dir, now string) (bool, error) {
	for _, h := range l.held {
		if disturbed, err := h.Disturbed(); err != nil || disturbed {
			return disturbed, err
		}
	}
	for _, f := range l.foreign {
		rel, inside := paths.Under(f.path, dir)
		if _, err := os.Lstat(filepath.Join(now, rel)); inside && !f.there && err == nil {
			return true, nil // the lock file that was not there
		}
	}
	found, err := BuildsBelow(now)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return !slices.Equal(found, l.profiles[dir]), err
}

// Unguard ends what Guard began: those who were kept from opening a lock file go on.
func (l *Locks) Unguard() error {
	var errs []error
	for _, h := range l.held {
		errs = append(errs, h.Unguard())
	}
	return errors.Join(errs...)
}

// Waited reports whether somebody waits for one of the locks, as far as can be seen.
func (l *Locks) Waited() bool {
	return slices.ContainsFunc(l.held, func(h *flock.Held) bool {
		waited, err := h.Waited()
		return waited && err == nil
	})
}

// Unlock releases the locks.
func (l *Locks) Unlock() error {
	var errs []error
	for _, h := range slices.Backward(l.held) {
		errs = append(errs, h.Unlock())
	}
	l.held, l.paths, l.foreign = nil, nil, nil
	return errors.Join(errs...)
}
