package layers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/index"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/internal/layerid"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/record"
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
//
// docs/format.md describes every file.
const (
	versionFile = "version"
	versionLine = "cargo-cow store 1\n"
	lockFile    = "lock"
	layersDir   = "layers"
	leasesDir   = "leases"
	lastUseDir  = "lastuse"
	indexFile   = "index" // see package index
	sizesFile   = "sizes" // see package space
	trashPrefix = ".trash-"

	cacheTagFile = "CACHEDIR.TAG"
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
		return nil, fmt.Errorf("make store: %w", rollback.Explain(err))
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
	for _, d := range []string{layersDir, record.Dir, leasesDir} {
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
	found, err := ls.Names(dir)
	if err != nil {
		return err
	}
	if slices.Contains(found, versionFile) {
		return nil // another process has just made it
	}
	own := []string{layersDir, record.Dir, leasesDir, cacheTagFile, lockFile, ignoreFile}
	for _, name := range found {
		if !slices.Contains(own, name) && !strings.HasPrefix(name, atomicfile.TempPrefix) {
			return &HelpError{Err: fmt.Errorf("%s has other things in it, such as %s", dir, name), Help: "name a new directory with --store DIR"}
		}
	}
	return nil
}

// ignoreFile keeps a store out of git's sight, and so out of that of cargo, which asks
// git for the files of a package.
const (
	ignoreFile = ".gitignore"
	ignoreAll  = "# Layers of cargo-cow\n*\n"
)

// cacheTag keeps backup programs out of what can be built again.
const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55\n# Layers of cargo-cow; all of it can be built again.\n"

// Open opens the store and puts away what a crash left behind. It fails with
// ErrNoStore where there is none.
func Open(ctx context.Context, o Options) (*Store, error) {
	b, err := os.ReadFile(filepath.Join(o.Dir, versionFile))
	if errors.Is(err, fs.ErrNotExist) && rollback.IsStub(o.Dir) {
		return nil, RolledBackStore(o.Dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err := fmt.Errorf("open store %s: %w", o.Dir, ErrNoStore)
		if onlyLayers(o.Dir) {
			err = &HelpError{
				Err:  fmt.Errorf("%w, but layers of one", err),
				Help: "run `cargo cow init`, which takes them in again, and then `cargo cow rm --all --yes` to be rid of them",
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

func (s *Store) records() record.Records { return record.In(s.opts.Dir) }

// working holds off tidying up while trees are being made.
func (s *Store) working(ctx context.Context) (done func() error, err error) {
	return flock.Lock(ctx, filepath.Join(s.opts.Dir, lockFile), flock.Shared, nil)
}

// manifest reads the manifest of a layer from its tree. The layer's id is its
// digest, so one that is not what was sealed is an error. So is one that speaks of
// more than the tree holds.
func (s *Store) manifest(id string) (*cargo.Manifest, error) {
	path := filepath.Join(s.tree(id), active.ManifestFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if layerid.Of(b) != id {
		return nil, fmt.Errorf("read manifest: %s is not the one that was sealed", path)
	}
	m, err := cargo.DecodeManifest(b)
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

// recordAnew writes the record of a layer from what lies in its tree, and has the
// catalog made anew: a damaged record may have got into it.
func (s *Store) recordAnew(id string) error {
	m, err := s.manifest(id)
	if err != nil {
		return err
	}
	fi, err := os.Stat(filepath.Join(s.tree(id), active.ManifestFile))
	if err != nil {
		return fmt.Errorf("record layer: %w", err)
	}
	if err := s.writeRecord(record.New(id, m, fi.ModTime())); err != nil {
		return err
	}
	if err := s.records().ForgetCatalog(); err != nil {
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

// record reads a layer's record, or makes it anew where it is damaged.
func (s *Store) record(id string) (*Record, error) {
	if r, err := s.records().Read(id); err == nil {
		s.records().Relabel(r)
		return r, nil
	}
	m, merr := s.manifest(id)
	if merr != nil {
		return nil, fmt.Errorf("read layer %s: %w", id, merr)
	}
	fi, merr := os.Stat(filepath.Join(s.tree(id), active.ManifestFile))
	if merr != nil {
		return nil, fmt.Errorf("read layer %s: %w", id, merr)
	}
	made := record.New(id, m, fi.ModTime())
	s.records().Relabel(&made)
	return &made, nil
}

// Layers lists the layers, newest first. One that cannot be read is left out;
// Check tells of it.
func (s *Store) Layers(ctx context.Context) ([]Record, error) { return s.layersOf(ctx, "") }

// layersOf lists the layers of one fingerprint, or all if it is "".
func (s *Store) layersOf(ctx context.Context, fingerprint string) ([]Record, error) {
	trees, err := ls.Names(filepath.Join(s.opts.Dir, layersDir))
	if err != nil {
		return nil, fmt.Errorf("list layers: %w", err)
	}
	trees = s.kept(slices.DeleteFunc(trees, func(t string) bool { return !layerid.Is(t) }))
	list, err := s.records().List(ctx, trees, fingerprint, s.record)
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

// Writable returns nil if layers can be made in the store, and else why not, with
// what would help.
func (s *Store) Writable() error {
	// What an access(2) says is not what Landlock does.
	f, err := os.CreateTemp(s.opts.Dir, atomicfile.TempPrefix+"*")
	if err == nil {
		return errors.Join(f.Close(), os.Remove(f.Name()))
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

// claims is how build directories are claimed that belong to the store.
func (s *Store) claims() active.Options {
	return active.Options{Driver: s.opts.Driver, Store: s.opts.Dir, Claims: filepath.Join(s.opts.Dir, leasesDir), Note: s.noted()}
}

// temp is where a tree may be made in the store, to be sealed or dropped: left over, it
// is garbage.
func (s *Store) temp() string { return s.tree(driver.TempPrefix + layerid.Unique()) }

// drop deletes a tree that was made at temp, since of err if there is one.
func (s *Store) drop(ctx context.Context, temp string, err error) error {
	return errors.Join(err, s.opts.Driver.Delete(context.WithoutCancel(ctx), temp))
}

// noted is what a build directory is told of its store: nothing, where that was named
// for one command only.
func (s *Store) noted() locate.Remembered {
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
	return index.Open(ctx, filepath.Join(s.opts.Dir, indexFile), present, func(id string) ([]cargo.Entry, error) {
		m, err := s.manifest(id)
		if err != nil {
			return nil, err
		}
		return cargo.Entries(m, active.Recall(s.tree(id))), nil
	})
}

// ids lists the layers, sorted.
func (s *Store) ids() ([]string, error) {
	all, err := ls.Names(filepath.Join(s.opts.Dir, layersDir))
	all = s.kept(slices.DeleteFunc(all, func(n string) bool { return !layerid.Is(n) }))
	slices.Sort(all)
	return all, err
}
