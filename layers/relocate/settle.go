package relocate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Settle is called with a store that is about to be opened, and returns the one to open in its
// place: another one only if it was moved there by a process that died before it had ended the old
// one. It ends such a move, or takes back what was copied for one that came to nothing; where
// somebody is at work on it, or in either store, that is left for the next time. driverOf is asked
// which driver a store's trees are made with. Where no move was it costs a look at one file.
func Settle(ctx context.Context, store, data string, driverOf func(store string) (driver.Driver, error)) string {
	switch d, other := readMark(store); d {
	case moveTo:
		if !isMovedFrom(other, store) {
			takeBack(ctx, store, other, driverOf)
			return store
		}
		_ = end(ctx, store, other, data, driverOf)
		return other
	case moveOf:
		_ = end(ctx, other, store, data, driverOf)
	}
	return store
}

// isMovedFrom reports whether a store is the one to which that at another place was moved.
func isMovedFrom(store, from string) bool {
	d, other := readMark(store)
	return d == moveOf && other == from && locate.IsStore(store)
}

// takeBack removes what was copied for a move that did not come to its end.
func takeBack(ctx context.Context, from, to string, driverOf func(string) (driver.Driver, error)) {
	m, err := lockMark(from)
	if err != nil {
		return // it is being moved
	}
	defer m.release()
	if d, now := readMark(from); d != moveTo || now != to || isMovedFrom(to, from) {
		return
	}
	copied := staging(from, to)
	if _, err := os.Lstat(copied); errors.Is(err, fs.ErrNotExist) {
		_ = m.remove()
		return
	}
	d, err := driverOf(copied)
	if err == nil && d.Delete(ctx, copied) == nil {
		_ = m.remove()
	}
}

// end ends a move whose new store is in its place.
func end(ctx context.Context, from, to, data string, driverOf func(string) (driver.Driver, error)) error {
	if d, other := readMark(from); d != moveTo || other != to {
		return forget(from, to)
	}
	m, err := lockMark(from)
	if err != nil {
		return err
	}
	defer m.release()
	h, err := tryHold(from)
	if err != nil {
		return err
	}
	defer h.release()
	old, err := driverOf(from)
	if err != nil {
		return err
	}
	if locate.IsStore(from) {
		if err := merge(ctx, from, to, driverOf); err != nil {
			return err
		}
		if err := errors.Join(locate.AddMoved(data, from, to), locate.AddMade(data, to)); err != nil {
			return err
		}
		return retire(ctx, from, to, old)
	}
	return clear(ctx, from, to, old)
}

// forget ends the note at the new place where nothing is at the old one, or no more than what the
// removal of a directory has left last. Where the disk of the old one is not mounted, what is above
// it is not there, and the note stays.
func forget(from, to string) error {
	if _, err := os.Lstat(filepath.Dir(from)); err != nil {
		return err
	}
	if left, err := names(from); err != nil || len(left) > 1 || len(left) == 1 && left[0] != paths.StoreLock {
		return err
	}
	_ = os.Remove(filepath.Join(from, paths.StoreLock))
	if err := os.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Remove(filepath.Join(to, paths.StoreMove))
}

// merge copies into the new store what was sealed in the old one after the copy was made, by
// somebody who had it open.
func merge(ctx context.Context, from, to string, driverOf func(string) (driver.Driver, error)) error {
	d, err := driverOf(to)
	if err != nil {
		return err
	}
	unlock, err := flock.TryLock(filepath.Join(to, paths.StoreLock), flock.Shared)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := layersOf(to)
	if err != nil {
		return err
	}
	had := map[string]bool{}
	for _, id := range before {
		had[id] = true
	}
	c := &copying{from: from, to: to, driver: d}
	if err := c.layers(ctx, false); err != nil {
		return err
	}
	now, err := layersOf(to)
	if err != nil {
		return err
	}
	for _, id := range now {
		if had[id] {
			continue
		}
		for _, file := range []string{paths.StoreLabels + "/" + id, paths.StorePins + "/" + id, paths.StoreAutomatic + "/" + id} {
			if err := copySmall(filepath.Join(to, file), filepath.Join(from, file)); err != nil {
				return fmt.Errorf("copy %s: %w", file, err)
			}
		}
	}
	return driver.SyncFileSystem(to)
}

// copySmall copies a file that may be missing. The record of a layer is made when the store is opened.
func copySmall(to, from string) error {
	text, err := regular.Read(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Dir(to), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return writeSmall(to, string(text))
}
