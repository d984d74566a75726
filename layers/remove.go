package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

var (
	pointUnrecorded = crashpoint.New("remove.unrecorded")
	pointTrashed    = crashpoint.New("remove.trashed")
	pointRemoved    = crashpoint.New("remove.done")
)

// Removable finds what Remove may remove: a layer as Layer finds it, or one that
// cannot be read, by its whole id; of that the record tells nothing else.
func (s *Store) Removable(ctx context.Context, ref string) (*Record, error) {
	if !digest.Is(ref) {
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
// it fail with ErrInUse, a pin with ErrPinned, and it stays. What is restored from it is not touched.
//
// The order is: the record, the name, the tree. Killed before the name is
// changed, the layer stays, and Open gives it a record again; killed after, it is
// gone, and Open deletes the tree. That goes for a power cut too, which may bring
// a deleted tree back under the name it had last.
func (s *Store) Remove(ctx context.Context, id string) error {
	return s.remove(ctx, id, s.opts.Driver.Delete)
}

// RemoveSoon is Remove that does not wait where a tree goes file by file: then it is gone
// from the store, and left is true; whoever opens the store next deletes it.
func (s *Store) RemoveSoon(ctx context.Context, id string) (left bool, err error) {
	err = s.remove(ctx, id, func(ctx context.Context, trash string) error {
		d, ok := s.opts.Driver.(driver.Destroyer)
		left = !ok || d.Destroy(ctx, trash) != nil
		return nil
	})
	return left, err
}

func (s *Store) remove(ctx context.Context, id string, destroy func(ctx context.Context, trash string) error) (err error) {
	if !digest.Is(id) {
		return fmt.Errorf("remove layer %s: %w", id, ErrNotFound)
	}
	if err := s.Writable(); help.IsReadOnly(err) {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	release, err := lease.Exclusive(filepath.Join(s.opts.Dir, leasesDir), id)
	if errors.Is(err, lease.ErrHeld) {
		return &HelpError{Err: fmt.Errorf("remove layer %s: %w", id, ErrInUse), Help: "run it again when the restore that uses it is done"}
	}
	if err != nil {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, release()) }()
	if s.records().Pinned(id) {
		return &HelpError{Err: fmt.Errorf("remove layer %s: %w", id, ErrPinned), Help: "cargo cow unpin " + id}
	}
	done, err := s.holdOffSweep(ctx)
	if err != nil {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	defer done()
	switch err := driver.CheckRemovable(s.tree(id)); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("remove layer %s: %w", id, ErrNotFound)
	case errors.Is(err, driver.ErrBusy):
		return &HelpError{Err: fmt.Errorf("remove layer %s: %w", id, err), Help: "umount what is mounted in " + help.ShellWord(s.tree(id))}
	case err != nil:
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	if rollback.IsStub(s.tree(id)) {
		if err := s.forgetLost(id); err != nil {
			return fmt.Errorf("remove layer %s: %w", id, rollback.Explain(err))
		}
		return nil
	}
	trash, err := s.discard(id)
	if err != nil {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	holdings.Forget(s.opts.Dir, id)
	// There is no way back from here, so an error on it does not end it.
	errs := []error{pointTrashed.Hit(), lastuse.Forget(filepath.Join(s.opts.Dir, lastUseDir), id), s.records().ForgetMarks(id)}
	if err := destroy(context.WithoutCancel(ctx), trash); err != nil {
		errs = append(errs, &HelpError{Err: err, Help: "the layer is gone, but not its files: remove " + trash + ", as root if need be"})
	}
	if err := errors.Join(append(errs, pointRemoved.Hit())...); err != nil {
		return fmt.Errorf("remove layer %s: %w", id, err)
	}
	return nil
}

// discard takes a layer out of the store and returns where its tree now is, or
// leaves it as it was.
func (s *Store) discard(id string) (trash string, err error) {
	r, unreadable := s.records().Read(id)
	if err := s.records().Remove(id); err != nil {
		return "", err
	}
	if err = pointUnrecorded.Hit(); err == nil {
		if trash, err = s.moveToTrash(id); help.IsFull(err) {
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

// RemoveTree removes a build directory, or what undo would bring back, unless it is in use:
// then it fails with ErrBusy. Once nobody can change it any more, still says whether it is to go
// all the same.
func (s *Store) RemoveTree(ctx context.Context, t whereabouts.Tree, still func() bool) error {
	return active.Remove(ctx, t.Of, t.Undo, s.claimOptions(true), still)
}

// Tidy puts away what a process that died has left beside a build directory, unless that is in
// use: then whoever uses it does so.
func (s *Store) Tidy(ctx context.Context, buildDir string) error {
	return active.Tidy(ctx, buildDir, s.claimOptions(true))
}
