package layers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/paths"
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
//
// docs/format.md describes every file.
const (
	versionFile = paths.StoreVersion
	versionLine = "cargo-cow store 1\n"
	lockFile    = paths.StoreLock
	layersDir   = paths.StoreLayers
	recordsDir  = paths.StoreRecords
	leasesDir   = paths.StoreLeases
	lastUseDir  = paths.StoreLastUse
	trashPrefix = paths.TrashPrefix

	cacheTagFile = paths.StoreCacheTag

	// metaDir is this program's own directory inside every tree.
	metaDir      = paths.TreeMeta
	manifestFile = paths.TreeManifest
	activeFile   = paths.TreeActive
	recallFile   = cargo.RecallFile
)

// Store is the layers of one user on one file system. Its methods may be called
// by any number of goroutines and processes at once.
type Store struct {
	opts Options
	lost []string // layers that a roll-back took along, as Open found them
}

// Create makes the store if it is not there, private to the user, and opens it.
func Create(ctx context.Context, o Options) (*Store, error) {
	if s, err := Open(ctx, o); !errors.Is(err, ErrNoStore) {
		return s, err
	}
	if err := driver.MakeDirs(filepath.Dir(o.Dir), 0o777); err != nil {
		return nil, fmt.Errorf("make store: %w", explainStub(err))
	}
	// A tree of its own, so that snapshots a system takes of the tree around
	// it do not pin what is deleted here.
	err := o.Driver.Create(ctx, o.Dir)
	if errors.Is(err, fs.ErrExist) {
		err = checkHalfMade(o.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	if err := os.Chmod(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	// First of all: the store may lie in a working tree, of whatever repository.
	if err := os.WriteFile(filepath.Join(o.Dir, ignoreFile), []byte(ignoreAll), 0o600); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	for _, d := range []string{layersDir, recordsDir, leasesDir} {
		if err := os.Mkdir(filepath.Join(o.Dir, d), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make store: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(o.Dir, cacheTagFile), []byte(cacheTag), 0o600); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	// Whoever makes the store at the same time, and is done, tidies up in it.
	done, err := (&Store{opts: o}).working(ctx)
	if err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	err = atomicfile.Write(filepath.Join(o.Dir, versionFile), []byte(versionLine), 0o600)
	if err = errors.Join(err, done()); err != nil {
		return nil, fmt.Errorf("make store: %w", err)
	}
	return Open(ctx, o)
}

// checkHalfMade allows a store to be made in an empty directory, or in one where
// a process died or is busy making it, but not around what somebody else keeps
// there.
func checkHalfMade(dir string) error {
	found, err := names(dir)
	if err != nil {
		return err
	}
	if slices.Contains(found, versionFile) {
		return nil // another process has just made it
	}
	own := []string{layersDir, recordsDir, leasesDir, cacheTagFile, lockFile, ignoreFile}
	for _, name := range found {
		if !slices.Contains(own, name) && !strings.HasPrefix(name, atomicfile.TempPrefix) {
			return &HelpError{fmt.Errorf("%s has other things in it, such as %s", dir, name), "name a new directory with --store DIR"}
		}
	}
	return nil
}

// ignoreFile keeps a store out of git's sight, and so out of that of cargo, which asks
// git for the files of a package.
const (
	ignoreFile = paths.StoreIgnore
	ignoreAll  = "# Layers of cargo-cow\n*\n"
)

// cacheTag keeps backup programs out of what can be built again.
const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55\n# Layers of cargo-cow; all of it can be built again.\n"

// Open opens the store and puts away what a crash left behind. It fails with
// ErrNoStore where there is none.
func Open(ctx context.Context, o Options) (*Store, error) {
	b, err := os.ReadFile(filepath.Join(o.Dir, versionFile))
	if errors.Is(err, fs.ErrNotExist) && isStub(o.Dir) {
		return nil, RolledBackStore(o.Dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err := fmt.Errorf("open store %s: %w", o.Dir, ErrNoStore)
		if onlyLayers(o.Dir) {
			err = &HelpError{
				fmt.Errorf("%w, but layers of one", err),
				"run `cargo cow init`, which takes them in again, and then `cargo cow rm --all --yes` to be rid of them",
			}
		}
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if string(b) != versionLine {
		return nil, fmt.Errorf("open store %s: version %q is not one this program knows", o.Dir, bytes.TrimSpace(b))
	}
	s := &Store{opts: o}
	if err := s.recover(ctx); err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Dir, err)
	}
	return s, nil
}

// Dir is where the store is.
func (s *Store) Dir() string { return s.opts.Dir }

// Driver is what makes the store's trees.
func (s *Store) Driver() driver.Driver { return s.opts.Driver }

func (s *Store) tree(id string) string { return filepath.Join(s.opts.Dir, layersDir, id) }

func (s *Store) recordPath(id string) string {
	return filepath.Join(s.opts.Dir, recordsDir, id+".json")
}

// working holds off tidying up while trees are being made.
func (s *Store) working(ctx context.Context) (done func() error, err error) {
	return flock.Lock(ctx, filepath.Join(s.opts.Dir, lockFile), flock.Shared, nil)
}

// recover makes true what crashes may have left untrue: a layer without a record,
// or with an empty one, gets one, a record without a layer goes, and half-made or
// half-deleted trees are removed if nobody is at work. The look costs two
// directory listings and a stat for every layer.
func (s *Store) recover(ctx context.Context) error {
	trees, err := names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return err
	}
	records, err := names(filepath.Join(s.opts.Dir, recordsDir))
	if err != nil {
		return err
	}
	own, err := names(s.opts.Dir)
	if err != nil {
		return err
	}
	slices.Sort(trees)
	garbage := slices.ContainsFunc(own, func(n string) bool { return strings.HasPrefix(n, atomicfile.TempPrefix) })
	for _, t := range trees {
		if !isID(t) {
			garbage = true
		} else if isStub(s.tree(t)) {
			s.lost = append(s.lost, t)
		} else if fi, err := os.Stat(s.recordPath(t)); err != nil || fi.Size() == 0 {
			// What cannot be read is left for Check to tell of. Under a lease,
			// since somebody may be removing it.
			if release, err := s.hold(t); err == nil {
				_ = s.recordAnew(t)
				_ = release()
			}
		}
	}
	for _, r := range records {
		garbage = garbage || strings.HasPrefix(r, atomicfile.TempPrefix)
		id, ok := strings.CutSuffix(r, ".json")
		if _, there := slices.BinarySearch(trees, id); ok && isID(id) && !there {
			if _, err := os.Lstat(s.tree(id)); errors.Is(err, fs.ErrNotExist) {
				if err := os.Remove(s.recordPath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) && !IsReadOnly(err) {
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
	records, err := names(filepath.Join(s.opts.Dir, recordsDir))
	if err != nil {
		return err
	}
	own, err := names(s.opts.Dir)
	if err != nil {
		return err
	}
	for _, r := range records {
		own = append(own, filepath.Join(recordsDir, r))
	}
	for _, name := range own {
		// An index that is being written is advice, and lost without harm.
		if strings.HasPrefix(filepath.Base(name), atomicfile.TempPrefix) {
			if err := os.Remove(filepath.Join(s.opts.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	trees, err := names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return err
	}
	var left []error
	for _, t := range trees {
		if strings.HasPrefix(t, trashPrefix) || strings.HasPrefix(t, driver.TempPrefix) {
			left = append(left, s.opts.Driver.Delete(ctx, s.tree(t)))
		}
	}
	s.forget()
	return errors.Join(left...)
}

func names(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// isID reports whether s is the id of a layer: 32 hex digits.
func isID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// manifest reads the manifest of a layer from its tree. The layer's id is its
// digest, so one that is not what was sealed is an error. So is one that speaks of
// more than the tree holds.
func (s *Store) manifest(id string) (*cargo.Manifest, error) {
	path := filepath.Join(s.tree(id), manifestFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if digest.Of(b) != id {
		return nil, fmt.Errorf("read manifest: %s is not the one that was sealed", path)
	}
	m, err := cargo.DecodeManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if dir := hollow(s.tree(id), m.Profiles); dir != "" {
		return nil, &HelpError{
			fmt.Errorf("read layer %s: nothing of %s is in it, which was a subvolume when it was sealed", id, dir),
			"cargo cow rm " + id,
		}
	}
	return m, nil
}

// recordAnew writes the record of a layer from what lies in its tree, and has the
// catalog made anew: a damaged record may have got into it.
func (s *Store) recordAnew(id string) error {
	m, err := s.manifest(id)
	if err != nil {
		return err
	}
	fi, err := os.Stat(filepath.Join(s.tree(id), manifestFile))
	if err != nil {
		return fmt.Errorf("record layer: %w", err)
	}
	if err := s.writeRecord(newRecord(id, m, fi.ModTime())); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(s.opts.Dir, catalogFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("record layer: %w", err)
	}
	return nil
}

// writeRecord does not wait for the disk: the layer itself is durable, and Open
// makes the record again that a power cut took or emptied.
func (s *Store) writeRecord(r Record) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	if err := atomicfile.WriteUnsynced(s.recordPath(r.ID), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	_ = lease.Prepare(filepath.Join(s.opts.Dir, leasesDir), r.ID)
	return nil
}

// record reads a layer's record, or makes it anew where it is damaged.
func (s *Store) record(id string) (*Record, error) {
	if r, err := s.readRecord(id); err == nil {
		s.relabelOne(r)
		return r, nil
	}
	m, merr := s.manifest(id)
	if merr != nil {
		return nil, fmt.Errorf("read layer %s: %w", id, merr)
	}
	fi, merr := os.Stat(filepath.Join(s.tree(id), manifestFile))
	if merr != nil {
		return nil, fmt.Errorf("read layer %s: %w", id, merr)
	}
	made := newRecord(id, m, fi.ModTime())
	s.relabelOne(&made)
	return &made, nil
}

func (s *Store) readRecord(id string) (*Record, error) {
	r := new(Record)
	b, err := os.ReadFile(s.recordPath(id))
	if err == nil {
		err = json.Unmarshal(b, r)
	}
	if err == nil && r.ID != id {
		err = fmt.Errorf("it is about layer %q", r.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read record of %s: %w", id, err)
	}
	return r, nil
}

// Layers lists the layers, newest first. One that cannot be read is left out;
// Check tells of it.
func (s *Store) Layers(ctx context.Context) ([]Record, error) { return s.layersOf(ctx, "") }

// layersOf lists the layers of one fingerprint, or all if it is "".
func (s *Store) layersOf(ctx context.Context, fingerprint string) ([]Record, error) {
	trees, err := names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return nil, fmt.Errorf("list layers: %w", err)
	}
	trees = s.kept(slices.DeleteFunc(trees, func(t string) bool { return !isID(t) }))
	list, err := s.readAll(ctx, trees, fingerprint)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Record) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// Layer finds the layer that ref names: "latest", a label, or the first four or
// more digits of an id. Of several layers with one label it is the newest.
func (s *Store) Layer(ctx context.Context, ref string) (*Record, error) {
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, err
	}
	if ref == "latest" && len(list) > 0 {
		return &list[0], nil
	}
	for i := range list {
		if list[i].Label == ref && ref != "" {
			return &list[i], nil
		}
	}
	var found *Record
	for i := range list {
		if len(ref) >= 4 && strings.HasPrefix(list[i].ID, ref) {
			if found != nil {
				return nil, fmt.Errorf("find layer %s: %w", ref, ErrAmbiguous)
			}
			found = &list[i]
		}
	}
	if found == nil {
		if err := s.lostLayer(ref); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("find layer %s: %w", ref, ErrNotFound)
	}
	return found, nil
}

// Unit is one unit of a layer.
type Unit struct {
	cargo.UnitName
	Source string        `json:"source"` // path, vendored, registry, git, unknown
	Dirty  *cargo.Reason `json:"dirty,omitempty"`
}

// Show returns a layer's record, its fingerprint with every ingredient, and the
// units its manifest lists.
func (s *Store) Show(ctx context.Context, ref string) (*Record, *cargo.Fingerprint, []Unit, error) {
	r, err := s.Layer(ctx, ref)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err := s.manifest(r.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	var units []Unit
	for i := range m.Units {
		u := &m.Units[i]
		units = append(units, Unit{u.UnitName, u.Source, u.Always})
	}
	return r, &m.Fingerprint, units, nil
}
