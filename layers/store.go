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
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/index"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// A store's directory:
//
//	version          one line; written last when a store is made
//	lock             held shared while trees are made, exclusively to tidy up
//	layers/ID        the sealed trees
//	records/ID.json  an index of them, written after the tree, removed before it
//	leases/          claims on layers in use
//	lastuse/         when each layer was last used; advice
//	labels/ID        what a layer is called that was given another label
//	pins/ID          it is pinned
//	automatic/ID     nobody has asked for it
//
// docs/format.md describes every file.
const (
	versionFile = paths.StoreVersion
	versionLine = "cargo-cow store 1\n"
	lockFile    = paths.StoreLock
	layersDir   = paths.StoreLayers
	leasesDir   = paths.StoreLeases
	lastUseDir  = paths.StoreLastUse
	indexFile   = paths.StoreIndex // see package index
	sizesFile   = paths.StoreSizes // see package space
	plansDir    = paths.StorePlans
	trashPrefix = paths.TrashPrefix

	cacheTagFile = paths.StoreCacheTag
)

// Store is the layers of one user on one file system. Its methods may be called
// by any number of goroutines and processes at once.
type Store struct {
	opts Options
	lost []string // layers that a roll-back took along, as Open found them
}

// ignoreFile keeps a store out of git's sight, and so out of that of cargo, which asks
// git for the files of a package.
const (
	ignoreFile = paths.StoreIgnore
	ignoreAll  = "# Layers of cargo-cow\n*\n"
)

// Dir is where the store is.
func (s *Store) Dir() string { return s.opts.Dir }

// Driver is what makes the store's trees.
func (s *Store) Driver() driver.Driver { return s.opts.Driver }

func (s *Store) tree(id string) string { return filepath.Join(s.opts.Dir, layersDir, id) }

func (s *Store) records() record.Records { return record.In(s.opts.Dir) }

// holdOffSweep holds off tidying up while trees are being made.
func (s *Store) holdOffSweep(ctx context.Context) (done func() error, err error) {
	return flock.Lock(ctx, filepath.Join(s.opts.Dir, lockFile), flock.Shared, nil)
}

// manifest reads the manifest of a layer from its tree. The layer's id is its
// digest, so one that is not what was sealed is an error. So is one that speaks of
// more than the tree holds.
func (s *Store) manifest(id string) (*manifest.Manifest, error) {
	path := filepath.Join(s.tree(id), active.ManifestFile)
	b, err := regular.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if digest.Of(b) != id {
		return nil, fmt.Errorf("read manifest: %s is not the one that was sealed", path)
	}
	m, err := manifest.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if dir := rollback.StubIn(s.tree(id), m.Profiles); dir != "" {
		return nil, &HelpError{
			Err:  fmt.Errorf("read layer %s: nothing of %s is in it, which was a subvolume when it was sealed", id, dir),
			Help: "cargo cow rm " + id,
		}
	}
	return m, nil
}

// readTree makes the record of a layer from what lies in its tree.
func (s *Store) readTree(id string) (*Record, error) {
	m, err := s.manifest(id)
	if err != nil {
		return nil, err
	}
	fi, err := os.Stat(filepath.Join(s.tree(id), active.ManifestFile))
	if err != nil {
		return nil, err
	}
	r := record.New(id, m, fi.ModTime())
	return &r, nil
}

// record reads a layer's record, or makes it anew where it is damaged.
func (s *Store) record(id string) (*Record, error) {
	r, err := s.records().Read(id)
	if err != nil {
		r, err = s.readTree(id)
	}
	if err != nil {
		return nil, fmt.Errorf("read layer %s: %w", id, err)
	}
	s.records().Remark(r)
	return r, nil
}

// rebuildRecord writes the record of a layer from what lies in its tree, and removes the
// catalog, which is made again when needed: a damaged record may have got into it.
func (s *Store) rebuildRecord(id string) error {
	r, err := s.readTree(id)
	if err == nil {
		err = s.writeRecord(*r)
	}
	if err == nil {
		err = s.records().ForgetCatalog()
	}
	if err != nil {
		return fmt.Errorf("record layer: %w", err)
	}
	return nil
}

// writeRecord writes a record, and what leases of the layer lock.
func (s *Store) writeRecord(r Record) error {
	if err := s.records().Write(r); err != nil {
		return err
	}
	_ = lease.Prepare(filepath.Join(s.opts.Dir, leasesDir), r.ID)
	return nil
}

// Writable returns nil if layers can be made in the store, and else why not, with
// what would help.
func (s *Store) Writable() error {
	// What an access(2) says is not what Landlock does.
	f, err := os.CreateTemp(s.opts.Dir, atomicfile.TempPrefix+"*")
	if err == nil {
		// Who tidies up at this moment may be quicker.
		if err = os.Remove(f.Name()); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return errors.Join(f.Close(), err)
	}
	// The name tried is of no interest.
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	err = fmt.Errorf("write to store %s: %w", s.opts.Dir, err)
	if help.IsReadOnly(err) {
		return &HelpError{Err: err, Help: "run it where the store can be written, outside of this sandbox or container"}
	}
	return err
}

// claimOptions is how build directories are claimed that belong to the store.
func (s *Store) claimOptions(noWait bool) active.Options {
	return active.Options{Driver: s.opts.Driver, Store: s.opts.Dir, Claims: filepath.Join(s.opts.Dir, leasesDir), Note: s.note(), NoWait: noWait}
}

// tempTree is where a tree may be made in the store, to be sealed or dropped. Left over
// after a crash, it is garbage.
func (s *Store) tempTree() string { return s.tree(driver.TempPrefix + atomicfile.TempSuffix()) }

// dropTemp deletes a tree that was made at tempTree. It returns err, the reason for it if
// there is one, with what went wrong.
func (s *Store) dropTemp(ctx context.Context, temp string, err error) error {
	return errors.Join(err, s.opts.Driver.Delete(context.WithoutCancel(ctx), temp))
}

// note is what a build directory is told of the store that it belongs to: nothing, where
// the store was named for one command only.
func (s *Store) note() locate.Remembered {
	if s.opts.Passing {
		return locate.Remembered{}
	}
	return locate.Remembered{Dir: s.opts.Dir, Named: s.opts.Named}
}

// index returns the index of the layers that are there now. Check tells of those that
// cannot be read.
func (s *Store) index(ctx context.Context) (*index.Index, error) {
	present, err := s.ids()
	if err != nil {
		return nil, fmt.Errorf("index units: %w", err)
	}
	return index.Open(ctx, filepath.Join(s.opts.Dir, indexFile), present, func(id string) ([]manifest.Entry, error) {
		m, err := s.manifest(id)
		if err != nil {
			return nil, err
		}
		return manifest.Entries(m, active.UnitCache(s.tree(id))), nil
	})
}

// ids lists the layers, sorted.
func (s *Store) ids() ([]string, error) {
	all, err := ls.Names(filepath.Join(s.opts.Dir, layersDir))
	all = s.withoutLost(slices.DeleteFunc(all, func(n string) bool { return !digest.Is(n) }))
	slices.Sort(all)
	return all, err
}

// withoutLost drops the names of layers that a roll-back has taken along.
func (s *Store) withoutLost(names []string) []string {
	if len(s.lost) == 0 {
		return names
	}
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(s.lost, n) })
}
