package cargo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	paths  []string
	unlock []func() error
}

// Lock takes Cargo's locks on every profile of every directory given, the build
// directory and the artifact directory where they differ. If they are taken it
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
	l = new(Locks)
	for {
		found, err := lockPaths(dirs)
		if err != nil {
			return nil, "", errors.Join(err, l.Unlock())
		}
		more := slices.DeleteFunc(found, func(p string) bool { return slices.Contains(l.paths, p) })
		if len(more) == 0 {
			return l, "", nil
		}
		// A build may have made a new profile just now: then look again.
		for _, path := range more {
			unlock, err := flock.TryLock(path, flock.Exclusive)
			if errors.Is(err, flock.ErrLocked) {
				return nil, path, l.Unlock()
			}
			if err != nil {
				return nil, "", errors.Join(fmt.Errorf("lock %s: %w", filepath.Dir(path), err), l.Unlock())
			}
			l.paths = append(l.paths, path)
			l.unlock = append(l.unlock, unlock)
		}
	}
}

func lockPaths(dirs []string) ([]string, error) {
	var paths []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		profiles, err := Profiles(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
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

// Awaited reports whether somebody waits for one of the locks. A cargo that
// does has opened the lock file already: it will build in the directory of that
// name, whatever directory that is by then.
func (l *Locks) Awaited(moved func(path string) string) (bool, error) {
	for _, path := range l.paths {
		f, err := os.Open(moved(path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		waiting, err := flock.Waiters(f)
		f.Close()
		if err != nil || waiting {
			return waiting, err
		}
	}
	return false, nil
}

// Unlock releases the locks.
func (l *Locks) Unlock() error {
	var errs []error
	for _, u := range slices.Backward(l.unlock) {
		errs = append(errs, u())
	}
	l.unlock, l.paths = nil, nil
	return errors.Join(errs...)
}
