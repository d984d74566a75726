package cargo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
)

// ErrLocked: Cargo, or another of us, holds a lock of the directory.
var ErrLocked = errors.New("in use by cargo")

// lockFiles are what Cargo locks in a profile directory: the first one up to
// 1.95, the second since (cargo 1.96, layout.rs:Layout::new). Whoever holds both
// exclusively is alone, whatever the version.
var lockFiles = []string{".cargo-lock", ".cargo-build-lock"}

// Locks are Cargo's own locks on a build directory, held exclusively: nobody
// builds in it meanwhile.
type Locks struct {
	paths    []string
	held     []*flock.Held
	profiles map[string][]string // of each directory, when it was locked
}

// Lock takes Cargo's locks on every profile of every directory given, the build
// directory and the artifact directory where they differ, and of build directories
// inside them. If they are taken it
// waits, after telling notify once; with a nil notify it fails with ErrLocked
// instead. A directory that does not exist has nothing to lock.
//
// It never waits for one lock while it holds another: Cargo takes several too,
// in an order of its own.
func Lock(ctx context.Context, notify func(), dirs ...string) (*Locks, error) {
	told := false
	for {
		l, busy, err := tryLock(dirs)
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
		unlock, err := flock.Lock(ctx, busy, flock.Exclusive, nil)
		if err == nil {
			err = unlock()
		}
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", filepath.Dir(busy), err)
		}
	}
}

// tryLock takes all locks or none; busy is one that somebody else holds.
func tryLock(dirs []string) (l *Locks, busy string, err error) {
	l = &Locks{profiles: map[string][]string{}}
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
			h, err := flock.TryHold(path, flock.Exclusive)
			if errors.Is(err, flock.ErrLocked) {
				return nil, path, l.Unlock()
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
		profiles, err := BuildsBelow(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		l.profiles[dir] = profiles
		for _, p := range profiles {
			profile := filepath.Join(dir, p)
			real, err := filepath.EvalSymlinks(profile)
			if err != nil {
				return nil, fmt.Errorf("list locks: %w", err)
			}
			if seen[real] {
				continue
			}
			seen[real] = true
			for _, f := range lockFiles {
				paths = append(paths, filepath.Join(profile, f))
			}
		}
	}
	return paths, nil
}

// Guard makes sure that nobody so much as has one of the lock files open, and
// notices who tries from now on. A cargo that had, waiting or about to wait,
// would build in the directory of that name, whatever directory that is by then,
// under the lock of another. The error matches ErrLocked.
func (l *Locks) Guard() error {
	for i, h := range l.held {
		err := h.Guard()
		if errors.Is(err, flock.ErrLocked) {
			err = fmt.Errorf("lock %s: %w", filepath.Dir(l.paths[i]), ErrLocked)
		}
		if err != nil {
			return errors.Join(err, l.Unguard())
		}
	}
	return nil
}

// Disturbed reports whether somebody came after Guard: to open a lock file, or
// with a new profile in the directory that was locked as dir and is called now.
func (l *Locks) Disturbed(dir, now string) (bool, error) {
	for _, h := range l.held {
		if disturbed, err := h.Disturbed(); err != nil || disturbed {
			return disturbed, err
		}
	}
	profiles, err := BuildsBelow(now)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return !slices.Equal(profiles, l.profiles[dir]), err
}

// Unguard lets those go on who came to open a lock file.
func (l *Locks) Unguard() error {
	var errs []error
	for _, h := range l.held {
		errs = append(errs, h.Unguard())
	}
	return errors.Join(errs...)
}

// Unlock releases the locks.
func (l *Locks) Unlock() error {
	var errs []error
	for _, h := range slices.Backward(l.held) {
		errs = append(errs, h.Unlock())
	}
	l.held, l.paths = nil, nil
	return errors.Join(errs...)
}
