package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/lease"
)

// RemoveStore removes the store: all layers, labelled or not, what is kept beside
// them, and the directory. Anybody who works with a layer makes it fail with ErrInUse,
// and then all is as it was. Killed in the middle it leaves a store with fewer layers,
// or a directory in which a new one can be made. Build directories stay.
func (s *Store) RemoveStore(ctx context.Context) (err error) {
	failed := func(err error) error { return fmt.Errorf("remove store %s: %w", s.opts.Dir, err) }
	if err := s.Writable(); help.IsReadOnly(err) {
		return failed(err)
	}
	if err := driver.CheckRemovable(s.opts.Dir); errors.Is(err, driver.ErrBusy) {
		return &HelpError{Err: failed(err), Help: "umount what is mounted in " + help.ShellWord(s.opts.Dir)}
	} else if err != nil {
		return failed(err)
	}
	unlock, err := flock.TryLock(filepath.Join(s.opts.Dir, lockFile), flock.Exclusive)
	if errors.Is(err, flock.ErrLocked) {
		err = ErrInUse
	}
	if err != nil {
		return failed(err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	trees, err := ls.Names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return failed(err)
	}
	for _, id := range trees {
		if !digest.Is(id) {
			continue
		}
		release, err := lease.Exclusive(filepath.Join(s.opts.Dir, leasesDir), id)
		if errors.Is(err, lease.ErrHeld) {
			err = &HelpError{Err: ErrInUse, Help: "run it again when the restore that uses it is done"}
		}
		if err != nil {
			return failed(err)
		}
		defer release()
	}
	for _, id := range trees {
		trash := s.tree(id)
		if digest.Is(id) {
			if trash, err = s.discard(id); err != nil {
				return failed(err)
			}
		}
		if err := s.opts.Driver.Delete(ctx, trash); err != nil {
			return failed(err)
		}
	}
	// What is left has no worth without layers, but for its name. The version goes
	// after it, and then the directory is one to make a store in.
	own, err := ls.Names(s.opts.Dir)
	if err != nil {
		return failed(err)
	}
	stays := []string{versionFile, lockFile, ignoreFile, cacheTagFile}
	for _, name := range own {
		if slices.Contains(stays, name) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.opts.Dir, name)); err != nil {
			return failed(err)
		}
	}
	if err := os.Remove(filepath.Join(s.opts.Dir, versionFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	if err := s.opts.Driver.Delete(context.WithoutCancel(ctx), s.opts.Dir); err != nil {
		return failed(err)
	}
	return nil
}

// RemoveEmpty takes away a store without layers. With any, or while somebody works in
// it, the error says so and it stays.
func (s *Store) RemoveEmpty(ctx context.Context) error {
	ids, err := s.ids()
	if err == nil && len(ids) > 0 {
		err = fmt.Errorf("layer %s is in it", ids[0])
	}
	if err != nil {
		return fmt.Errorf("remove store %s: %w", s.opts.Dir, err)
	}
	return s.RemoveStore(ctx)
}
