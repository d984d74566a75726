package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
	"github.com/cargo-cow/cargo-cow/layers/record"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

var (
	pointInspected = crashpoint.New("snapshot.inspected")
	pointDescribed = crashpoint.New("snapshot.described")
	pointCopied    = crashpoint.New("snapshot.copied")
	pointSealed    = crashpoint.New("snapshot.sealed")
	pointRecorded  = crashpoint.New("snapshot.recorded")
)

// SnapshotOptions say how to seal.
type SnapshotOptions struct {
	Label  string
	NoWait bool // fail with ErrBusy instead of waiting for Cargo, or for a command that may wait for it
	// Automatic: nobody has asked for it. So it waits for nobody and gives way to whoever
	// comes to build (ErrBusy), has an ordinary directory stay what it is, and marks a new
	// layer.
	Automatic bool
	Notify    Notify
}

// SnapshotReport is the layer that holds the state.
type SnapshotReport struct {
	Record
	// CreatedNew is false if nothing was built since that layer was sealed.
	CreatedNew bool
	// LeftOut lies in the build directory and not in the layer, since nobody
	// accounts for it: what was not left out from the layer before.
	LeftOut []string
	Uncopied
	// Foreign are directories that belong to another user, could not be locked, and
	// are not in the layer.
	Foreign []string
}

// Snapshot seals the checkout's build directory as a layer, under Cargo's locks. If
// nothing was built since the layer it came from, that layer is the answer.
func (s *Store) Snapshot(ctx context.Context, co *Checkout, o SnapshotOptions) (*SnapshotReport, error) {
	ctx, left := driver.CollectUncopied(ctx)
	r, err := s.snapshot(ctx, co, o)
	if r != nil {
		r.Uncopied = left.Uncopied()
	}
	return r, err
}

func (s *Store) snapshot(ctx context.Context, co *Checkout, o SnapshotOptions) (*SnapshotReport, error) {
	if err := s.Writable(); help.IsReadOnly(err) {
		return nil, err
	}
	w, err := s.begin(ctx, co, o.NoWait || o.Automatic, o.Notify)
	if err != nil {
		return nil, err
	}
	defer w.end()
	if w.kind == active.Absent && rollback.IsStub(w.path()) {
		return nil, fmt.Errorf("seal %s: %w", w.path(), rolledBack())
	}
	if w.kind == active.Absent {
		return nil, &HelpError{Err: fmt.Errorf("seal %s: %w", w.path(), ErrNoTarget), Help: "cargo build"}
	}
	if o.Automatic {
		return w.sealGivingWay(ctx)
	}
	if err := w.takeOver(ctx, o.NoWait); err != nil {
		return nil, err
	}
	r, err := w.seal(ctx, o.Label, s.opts.Far)
	if err == nil {
		err = s.records().SetAutomatic(r.ID, false)
	}
	return r, err
}

// sealGivingWay seals what nobody has asked for. A program that runs from an ordinary
// directory would lose its file if a tree took the place of that.
func (w *work) sealGivingWay(ctx context.Context) (*SnapshotReport, error) {
	if err := w.lockCargo(ctx, true); err != nil {
		return nil, err
	}
	ctx, stop := w.dir.GiveWay(ctx)
	defer stop()
	r, err := w.seal(ctx, "", w.kind == active.Directory || w.store.opts.Far)
	if err != nil {
		return nil, errors.Join(err, context.Cause(ctx))
	}
	if r.CreatedNew {
		r.Automatic = true
		err = w.store.records().SetAutomatic(r.ID, true)
	}
	return r, err
}

// seal inspects and publishes. The order is: the description into the tree, the tree as a
// layer, the record beside it. A crash may come between any two of them. Of a plain directory
// a copy is sealed.
func (w *work) seal(ctx context.Context, label string, plain bool) (*SnapshotReport, error) {
	s := w.store
	done, err := s.holdOffSweep(ctx)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", w.path(), err)
	}
	defer done()
	// What was built meanwhile may be of another commit.
	if err := w.checkout.CheckStill(ctx); err != nil {
		return nil, err
	}
	rollback.ClearStubs(w.path())
	from := active.ReadProvenance(w.path())
	prev, sealed := active.Manifest(w.path())
	m, omit, err := w.inspect(ctx, cargo.Inspection{Previous: prev, Restored: from.Restored, Sealed: sealed})
	if err != nil {
		return nil, err
	}
	omit.plain = plain
	m.Tool, m.Fingerprint, m.Label = s.opts.Tool, *w.checkout.Fingerprint, label
	m.Requested = w.checkout.Workspace.Requested()
	// A name noted before a crash may be of a layer that never came to be.
	if from.OfLayer() && rollback.Exists(s.tree(from.Layer)) {
		m.Parent = from.Layer
	}
	if err := pointInspected.Hit(); err != nil {
		return nil, err
	}
	notOurs := w.dir.Join(omit.unlocked)
	// What a restore has made dirty is no build: sealed, it would be a layer that has less.
	if prev != nil && from.Layer != "" && (m.SameBuild(prev) || from.Untouched(w.path())) {
		r, err := s.record(from.Layer)
		// One that nobody has asked for is filed under what another checkout was built with, by variables and toolchain.
		refile := err == nil && r.Automatic && m.Fingerprint.IsOtherBuild(&prev.Fingerprint)
		if err == nil && !refile && (label == "" || label == r.Label) {
			s.noteUse(from.Layer)
			return &SnapshotReport{Record: *r, Foreign: notOurs}, nil
		}
	}
	id, err := describe(w.path(), from, m)
	if err != nil {
		return nil, err
	}
	if err := pointDescribed.Hit(); err != nil {
		return nil, err
	}
	created, err := w.publish(ctx, id, m, omit)
	if err != nil {
		return nil, err
	}
	if err := pointSealed.Hit(); err != nil {
		return nil, err
	}
	r, err := s.recordSealed(id, m, created)
	if err != nil {
		return nil, err
	}
	s.noteUse(r.Parent, r.ID)
	justintime.NoteLockfile(s.opts.Dir, w.checkout.Workspace.Root, s.opts.Now())
	s.tellWarehouse(r.ID, m.Profiles)
	return &SnapshotReport{Record: r, CreatedNew: created, LeftOut: m.LeftOutSince(prev), Foreign: notOurs}, pointRecorded.Hit()
}

// inspect finds out what was built, and what is another user's.
func (w *work) inspect(ctx context.Context, in cargo.Inspection) (*manifest.Manifest, omission, error) {
	omit := omission{unlocked: w.dir.Unlocked()}
	var (
		theirs    []string
		theirsErr error
		looking   sync.WaitGroup
	)
	looking.Go(func() { theirs, theirsErr = foreign.Dirs(w.path()) }) // some ms, beside other work
	in.Checkout, in.Settings = w.checkout.View(ctx), w.checkout.Settings
	in.Cache, in.Without = active.UnitCache(w.path()), omit.unlocked
	m, err := cargo.Inspect(ctx, in)
	looking.Wait()
	if err = errors.Join(err, theirsErr); err != nil {
		return nil, omit, fmt.Errorf("inspect %s: %w", w.path(), foreign.Explain(w.path(), err))
	}
	if m.Immutable+len(m.Units) == 0 {
		what := "nothing was built in it"
		if len(m.Dead) > 0 {
			what = "nothing was built in it with the lockfile as it is now"
		}
		return nil, omit, &HelpError{Err: fmt.Errorf("seal %s: %w: %s", w.path(), ErrNoTarget, what), Help: "cargo build"}
	}
	omit.foreign = len(theirs) > 0
	return m, omit, nil
}

// describe writes into a build directory what it is about to be sealed as, and returns
// the id of that layer.
func describe(dir string, from active.Provenance, m *manifest.Manifest) (id string, err error) {
	b, err := m.Encode()
	if err != nil {
		return "", err
	}
	from.Layer = digest.Of(b)
	if err := from.Write(dir); err != nil {
		return "", err
	}
	if err := writeUnitCaches(dir, m); err != nil {
		return "", err
	}
	return from.Layer, active.WriteFile(dir, active.ManifestFile, b)
}

// writeUnitCaches writes what the next inspection need not read again, into the build
// directory and into each inside it.
func writeUnitCaches(dir string, m *manifest.Manifest) error {
	write := active.WriteFile
	if m.Cache.Keep {
		write = active.AppendFile
	}
	if err := write(dir, active.UnitCacheFile, m.Cache.Text); err != nil {
		return err
	}
	for _, n := range m.Nested {
		inside := filepath.Join(dir, string(n.Path))
		if err := writeUnitCaches(inside, n.Manifest); err != nil {
			return err
		}
	}
	return nil
}

// publish seals the build directory, or a lean copy of it, as the layer id. It reports
// false where somebody else has sealed the same state.
func (w *work) publish(ctx context.Context, id string, m *manifest.Manifest, omit omission) (created bool, err error) {
	s := w.store
	from := w.path()
	if len(m.Dead)+len(omit.unlocked) > 0 || omit.foreign || omit.plain {
		if from, err = w.leanCopy(ctx, m, omit); err != nil {
			return false, err
		}
		if err := pointCopied.Hit(); err != nil {
			return false, s.dropTemp(ctx, from, err)
		}
	}
	err = s.opts.Driver.Seal(ctx, s.tree(id), from)
	if from != w.path() {
		err = s.dropTemp(ctx, from, err)
	}
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, w.dir.ExplainMove(err)
	}
	return true, nil
}

// recordSealed writes the record of a layer. Where somebody else has sealed it, the
// record is theirs.
func (s *Store) recordSealed(id string, m *manifest.Manifest, created bool) (Record, error) {
	r := record.New(id, m, s.opts.Now())
	if !created {
		if old, err := s.record(id); err == nil {
			r = *old
		}
	}
	return r, s.writeRecord(r)
}

// tellWarehouse tells the warehouse which of the units that it has records of lie in a
// layer. The files of units that are compiled incrementally lie in layers only: loose in
// the warehouse, each edit would leave some behind. This is no part of the snapshot's
// promise: where it fails, a unit is compiled once more.
func (s *Store) tellWarehouse(id string, profiles []string) {
	if _, err := os.Stat(filepath.Join(s.opts.Dir, warehouse.Dir)); err != nil {
		return
	}
	for _, list := range builddir.InputLists(s.tree(id), profiles) {
		_ = warehouse.In(s.opts.Dir).AddListed(id, s.tree(id), list)
	}
}
