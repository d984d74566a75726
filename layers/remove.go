package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/lease"
)

var (
	pointUnrecorded = crashpoint.New("remove.unrecorded")
	pointTrashed    = crashpoint.New("remove.trashed")
	pointRemoved    = crashpoint.New("remove.done")
)

// hold leases a layer, so that nobody removes it, until release is called. A
// layer that is gone, or on its way out, is ErrNotFound.
func (s *Store) hold(id string) (release func() error, err error) {
	release, err = lease.Acquire(filepath.Join(s.opts.Dir, leasesDir), id)
	if errors.Is(err, lease.ErrHeld) {
		return nil, fmt.Errorf("use layer %s: %w: it is being removed", id, ErrNotFound)
	}
	if IsReadOnly(err) {
		// Its lease has no file, and none can be made here. Should it be removed at
		// this very moment, what is cloned from it fails.
		release, err = func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("use layer %s: %w", id, err)
	}
	if !there(s.tree(id)) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("use layer %s: %w", id, err), release())
	}
	return release, nil
}

// maxGone bounds how often a choice is made again. A removal is over in a moment,
// so each time there are other layers; one that goes on and on, in a process that
// was stopped, must not keep a restore.
const maxGone = 4

// whileGone chooses again as long as what was chosen is gone when it is to be used.
func whileGone(choose func() (*choice, error)) (*choice, error) {
	for n := 1; ; n++ {
		c, err := choose()
		if n == maxGone || !errors.Is(err, ErrNotFound) {
			return c, err
		}
	}
}

// Removable finds what Remove may remove: a layer as Layer finds it, or one that
// cannot be read, by its whole id; of that the record tells nothing else.
func (s *Store) Removable(ctx context.Context, ref string) (*Record, error) {
	if !isID(ref) {
		return s.Layer(ctx, ref)
	}
	if _, err := os.Lstat(s.tree(ref)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("find layer %s: %w", ref, ErrNotFound)
	}
	if r, err := s.record(ref); err == nil {
		return r, nil
	}
	return &Record{ID: ref}, nil
}

// Remove removes a layer, which no other needs. Somebody who works with it makes
// it fail with ErrInUse, and it stays. What is restored from it is not touched.
//
// The order is: the record, the name, the tree. Killed before the name is
// changed, the layer stays, and Open gives it a record again; killed after, it is
// gone, and Open deletes the tree. That goes for a power cut too, which may bring
// a deleted tree back under the name it had last.
func (s *Store) Remove(ctx context.Context, id string) (err error) {
	if !isID(id) {
		return fmt.Errorf("remove layer %s: %w", id, ErrNotFound)
	}
	if err := s.Writable(); IsReadOnly(err) {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	release, err := lease.Exclusive(filepath.Join(s.opts.Dir, leasesDir), id)
	if errors.Is(err, lease.ErrHeld) {
		return &HelpError{fmt.Errorf("remove layer %s: %w", id, ErrInUse), "run it again when the restore that uses it is done"}
	}
	if err != nil {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, release()) }()
	done, err := s.working(ctx)
	if err != nil {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	defer done()
	switch err := driver.CheckRemovable(s.tree(id)); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("remove layer %s: %w", id, ErrNotFound)
	case errors.Is(err, driver.ErrBusy):
		return &HelpError{fmt.Errorf("remove layer %s: %w", id, err), "umount what is mounted in " + s.tree(id)}
	case err != nil:
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	if isStub(s.tree(id)) {
		if err := s.forgetLost(id); err != nil {
			return fmt.Errorf("remove layer %s: %w", id, explainStub(err))
		}
		return nil
	}
	trash, err := s.discard(id)
	if err != nil {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	// There is no way back from here, so an error on it does not end it.
	errs := []error{pointTrashed.Hit(), lastuse.Forget(filepath.Join(s.opts.Dir, lastUseDir), id), s.forgetLabel(id)}
	if err := s.opts.Driver.Delete(context.WithoutCancel(ctx), trash); err != nil {
		errs = append(errs, &HelpError{err, "the layer is gone, but not its files: remove " + trash + ", as root if need be"})
	}
	if err := errors.Join(append(errs, pointRemoved.Hit())...); err != nil {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	return nil
}

// discard takes a layer out of the store and returns where its tree now is, or
// leaves it as it was.
func (s *Store) discard(id string) (trash string, err error) {
	r, unreadable := s.readRecord(id)
	if err := os.Remove(s.recordPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err = pointUnrecorded.Hit(); err == nil {
		if trash, err = s.moveToTrash(id); isFull(err) {
			err = s.destroy(id, err)
		}
	}
	if err == nil {
		return trash, nil
	}
	if unreadable == nil {
		return "", errors.Join(err, s.writeRecord(*r))
	}
	return "", err // the next Open gives it a record, if it can be read
}

// destroy removes a tree in one step where a full disk has no room for another name.
// Removing is what makes room there, so it must not need any.
func (s *Store) destroy(id string, full error) error {
	d, ok := s.opts.Driver.(driver.Destroyer)
	if !ok {
		return full
	}
	if err := d.Destroy(context.Background(), s.tree(id)); err != nil {
		return errors.Join(full, err)
	}
	return nil
}

// isFull reports whether err says that there is no room on the disk, or for this user.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// moveToTrash renames a tree within its directory: a sealed one may be unable to
// leave it. The name may be taken, by what is left of an earlier layer of the same
// content.
func (s *Store) moveToTrash(id string) (string, error) {
	for n := 0; ; n++ {
		name := trashPrefix + id
		if n > 0 {
			name += fmt.Sprintf(".%d", n)
		}
		trash := s.tree(name)
		if err := driver.Publish(s.tree(id), trash); !errors.Is(err, fs.ErrExist) {
			return trash, err
		}
	}
}

// forget removes what is kept beside layers that are no more. The caller holds
// the store's lock exclusively, so none comes back meanwhile.
func (s *Store) forget() {
	gone := func(id string) bool {
		_, err := os.Lstat(s.tree(id))
		return isID(id) && errors.Is(err, fs.ErrNotExist)
	}
	dir := filepath.Join(s.opts.Dir, lastUseDir)
	stamps, _ := names(dir) // before the first use there is none
	for _, id := range stamps {
		if gone(id) {
			_ = lastuse.Forget(dir, id)
		}
	}
	given, _ := names(filepath.Join(s.opts.Dir, labelsDir))
	for _, id := range given {
		if gone(id) {
			_ = s.forgetLabel(id)
		}
	}
	dir = filepath.Join(s.opts.Dir, leasesDir)
	leases, _ := names(dir)
	for _, name := range leases {
		if id, ok := strings.CutSuffix(name, lease.Suffix); ok && gone(id) {
			if release, err := lease.Exclusive(dir, id); err == nil {
				_ = release() // removes the file
			}
		}
	}
}
