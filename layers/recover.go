package layers

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// recover mends what crashes may have left: a layer without a record,
// or with an empty one, gets one, a record without a layer goes, and half-made or
// half-deleted trees are removed if nobody is at work. That costs five
// directory listings and a stat for every layer.
func (s *Store) recover(ctx context.Context) error {
	trees, err := ls.Names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return err
	}
	records, err := ls.Names(filepath.Join(s.opts.Dir, record.Dir))
	if err != nil {
		return err
	}
	halfMade, err := s.halfMade("", record.LabelsDir, record.PinsDir, plansDir)
	if err != nil {
		return err
	}
	slices.Sort(trees)
	garbage := len(halfMade) > 0
	for _, t := range trees {
		if !digest.Is(t) {
			garbage = true
		} else if rollback.IsStub(s.tree(t)) {
			s.lost = append(s.lost, t)
		} else if fi, err := os.Stat(s.records().Path(t)); err != nil || fi.Size() == 0 {
			// Under a lease, since somebody may be removing it. What cannot be
			// read is left for Check to tell of.
			if release, err := s.lease(t); err == nil {
				_ = s.rebuildRecord(t)
				_ = release()
			}
		}
	}
	for _, r := range records {
		garbage = garbage || strings.HasPrefix(r, atomicfile.TempPrefix)
		id, ok := strings.CutSuffix(r, ".json")
		if _, there := slices.BinarySearch(trees, id); ok && digest.Is(id) && !there {
			if _, err := os.Lstat(s.tree(id)); errors.Is(err, fs.ErrNotExist) {
				if err := s.records().Remove(id); err != nil && !help.IsReadOnly(err) {
					return err
				}
			}
		}
	}
	if garbage {
		// What cannot be deleted takes space, which is no reason to refuse work:
		// Check tells of it.
		_ = s.sweep(ctx)
	}
	return ctx.Err()
}

// halfMade lists what of the small files in directories of the store is being written, or
// was when a process died. Those of the warehouse are its own affair.
func (s *Store) halfMade(dirs ...string) ([]string, error) {
	var paths []string
	for _, dir := range dirs {
		dir = filepath.Join(s.opts.Dir, dir)
		names, err := ls.Names(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // not all are there from the beginning
			return nil, err
		}
		for _, n := range names {
			if strings.HasPrefix(n, atomicfile.TempPrefix) {
				paths = append(paths, filepath.Join(dir, n))
			}
		}
	}
	return paths, nil
}

// sweep removes trees that are no layers, and what is kept beside layers that are
// no more. While another process makes or removes one, nothing is garbage for
// certain.
func (s *Store) sweep(ctx context.Context) error {
	unlock, err := flock.TryLock(filepath.Join(s.opts.Dir, lockFile), flock.Exclusive)
	if errors.Is(err, flock.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	halfMade, err := s.halfMade("", record.LabelsDir, record.PinsDir, plansDir, paths.StoreMaps, record.Dir)
	if err != nil {
		return err
	}
	for _, path := range halfMade {
		// An index or a plan that is being written is advice, and lost without harm.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	trees, err := ls.Names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return err
	}
	var left []error
	for _, t := range trees {
		if strings.HasPrefix(t, trashPrefix) || strings.HasPrefix(t, driver.TempPrefix) {
			left = append(left, s.opts.Driver.Delete(ctx, s.tree(t)))
		}
	}
	s.sweepLeftovers()
	return errors.Join(left...)
}

// sweepLeftovers removes what is kept beside layers that are no more. The caller holds
// the store's lock exclusively, so none comes back meanwhile.
func (s *Store) sweepLeftovers() {
	gone := func(id string) bool {
		_, err := os.Lstat(s.tree(id))
		return digest.Is(id) && errors.Is(err, fs.ErrNotExist)
	}
	dir := filepath.Join(s.opts.Dir, lastUseDir)
	stamps, _ := ls.Names(dir) // before the first use there is none
	for _, id := range stamps {
		if gone(id) {
			_ = lastuse.Forget(dir, id)
		}
	}
	justintime.ForgetLockfiles(s.opts.Dir, s.opts.Now())
	kept, _ := ls.Names(filepath.Join(s.opts.Dir, paths.StoreMaps))
	for _, id := range kept {
		if gone(id) {
			holdings.Forget(s.opts.Dir, id)
		}
	}
	for _, marks := range []string{record.LabelsDir, record.PinsDir} {
		given, _ := ls.Names(filepath.Join(s.opts.Dir, marks))
		for _, id := range given {
			if gone(id) {
				_ = s.records().ForgetMarks(id)
			}
		}
	}
	dir = filepath.Join(s.opts.Dir, leasesDir)
	leases, _ := ls.Names(dir)
	for _, name := range leases {
		if id, ok := strings.CutSuffix(name, lease.Suffix); ok && gone(id) {
			if release, err := lease.Exclusive(dir, id); err == nil {
				_ = release() // removes the file
			}
		}
	}
}
