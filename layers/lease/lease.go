// Package lease keeps a layer from being removed while somebody works with it.
//
// A lease is a shared flock(2) on a file of its own, because that is the one
// claim the kernel takes back itself when a process dies, whatever kills it: no
// expiry to guess, no process id that another process inherits, nothing to clean
// up. It works between processes of one machine, which is all a store is for.
//
// A lease says nothing about whether the layer exists. So whoever acquires one
// looks for the layer afterwards, and whoever removes a layer does all of it while
// holding the exclusive lease. All functions may be called by any number of
// goroutines and processes at once.
package lease

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Suffix ends the names of lease files.
const Suffix = paths.LeaseSuffix

// ErrHeld says that somebody holds a lease which excludes the one asked for.
var ErrHeld = errors.New("lease is held by another process")

// Acquire takes a shared lease on id in the directory dir, which must exist. It
// does not wait: while the exclusive lease is held, the layer is being removed,
// and the error matches ErrHeld. The returned function gives the lease back and
// must be called exactly once.
func Acquire(dir, id string) (release func() error, err error) {
	_, release, err = lock(dir, id, flock.Shared)
	return release, err
}

// Exclusive takes the lease that excludes all others, for removing a layer. It
// does not wait: if anybody holds a lease, the error matches ErrHeld. The
// returned function also removes the lease file.
func Exclusive(dir, id string) (release func() error, err error) {
	path, unlock, err := lock(dir, id, flock.Exclusive)
	if err != nil {
		return nil, err
	}
	return func() error {
		// Removed while locked. Somebody who has opened the file and waits for
		// nothing but this lock finds its name gone and makes a new one.
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return errors.Join(err, unlock())
	}, nil
}

// Prepare makes the file of the leases on id, so that they can be had on a full
// disk too: removing is what makes room there.
func Prepare(dir, id string) error {
	path, err := file(dir, id)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("lease %s: %w", id, err)
	}
	return f.Close()
}

// Held reports whether anybody holds a lease on id, without getting in the way of
// those who take one. The answer may be out of date when it is there: it is for
// plans, and whoever acts on one takes the exclusive lease.
func Held(dir, id string) (bool, error) {
	path, err := file(dir, id)
	if err != nil {
		return false, err
	}
	held, err := flock.InUse(path)
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", id, err)
	}
	return held, nil
}

func file(dir, id string) (string, error) {
	if id == "" || strings.ContainsAny(id, "/\x00") {
		return "", fmt.Errorf("lease %q: not a file name", id)
	}
	return filepath.Join(dir, id+Suffix), nil
}

func lock(dir, id string, mode flock.Mode) (path string, unlock func() error, err error) {
	if path, err = file(dir, id); err != nil {
		return "", nil, err
	}
	unlock, err = flock.TryLock(path, mode)
	if errors.Is(err, flock.ErrLocked) {
		err = ErrHeld
	}
	if err != nil {
		return "", nil, fmt.Errorf("lease %s: %w", id, err)
	}
	return path, unlock, nil
}
