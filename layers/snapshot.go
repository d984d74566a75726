package layers

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zeebo/blake3"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

var (
	pointInspected = crashpoint.New("snapshot.inspected")
	pointDescribed = crashpoint.New("snapshot.described")
	pointCopied    = crashpoint.New("snapshot.copied")
	pointSealed    = crashpoint.New("snapshot.sealed")
	pointRecorded  = crashpoint.New("snapshot.recorded")
)

// digest is the form of every id: 128 bits of BLAKE3 in hex.
func digest(b []byte) string {
	sum := blake3.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// SnapshotOptions say how to seal.
type SnapshotOptions struct {
	Label  string
	NoWait bool // fail with ErrBusy instead of waiting for Cargo
	Notify Notify
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

// Snapshot seals the place's build directory as a layer, under Cargo's locks. If
// nothing was built since the layer it came from, that layer is the answer.
func (s *Store) Snapshot(ctx context.Context, p *Place, o SnapshotOptions) (*SnapshotReport, error) {
	ctx, left := leaveOut(ctx)
	r, err := s.snapshot(ctx, p, o)
	if r != nil {
		r.Uncopied = left.report()
	}
	return r, err
}

func (s *Store) snapshot(ctx context.Context, p *Place, o SnapshotOptions) (*SnapshotReport, error) {
	t := newTarget(p)
	if err := s.Writable(); IsReadOnly(err) {
		return nil, err
	}
	release, err := s.claim(ctx, t, o.Notify)
	if err != nil {
		return nil, err
	}
	defer release()
	was, err := s.look(t)
	if err != nil {
		return nil, err
	}
	if was == absent && isStub(t.path) {
		return nil, fmt.Errorf("seal %s: %w", t.path, rolledBack())
	}
	if was == absent {
		return nil, &HelpError{fmt.Errorf("seal %s: %w", t.path, ErrNoTarget), "cargo build"}
	}
	locks, err := p.lockCargo(ctx, o.NoWait, o.Notify)
	if err != nil {
		return nil, err
	}
	defer func() { locks.Unlock() }()
	if was == directory {
		// cargo clean leaves none of our trees: what is built next is an
		// ordinary directory.
		if err := s.takeOver(ctx, t, locks); err != nil {
			return nil, err
		}
		locks.Unlock() // the locks of what was taken over
		if locks, err = p.lockCargo(ctx, o.NoWait, o.Notify); err != nil {
			return nil, err
		}
	}
	return s.seal(ctx, p, t, o.Label, within(t, locks.Foreign()))
}

// seal inspects and publishes. The order is: the description into the tree, the
// tree as a layer, the record beside it; a crash leaves a prefix of that.
// Directories that could not be locked are left out.
func (s *Store) seal(ctx context.Context, p *Place, t target, label string, without []string) (*SnapshotReport, error) {
	done, err := s.working(ctx)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", t.path, err)
	}
	defer done()
	clearStubs(t.path)
	active := readActive(t.path)
	prev, sealed := previous(t.path)
	var (
		foreign    []string
		foreignErr error
		looking    sync.WaitGroup
	)
	looking.Go(func() { foreign, foreignErr = foreignDirs(t.path) }) // some ms, beside other work
	m, err := cargo.Inspect(ctx, cargo.Inspection{
		Place: p.view(ctx), Settings: p.Settings, Previous: prev, Restored: active.Restored, Sealed: sealed, Recall: readRecall(t.path),
		Without: without,
	})
	looking.Wait()
	if err = errors.Join(err, foreignErr); err != nil {
		return nil, fmt.Errorf("inspect %s: %w", t.path, explainUnreadable(t, err))
	}
	if m.Immutable+len(m.Units) == 0 {
		return nil, &HelpError{fmt.Errorf("seal %s: %w: nothing was built in it", t.path, ErrNoTarget), "cargo build"}
	}
	m.Tool, m.Fingerprint, m.Label = s.opts.Tool, *p.Fingerprint, label
	m.Requested = p.Workspace.Requested()
	if isID(active.Layer) {
		// A name noted before a crash may be of a layer that never came to be.
		if there(s.tree(active.Layer)) {
			m.Parent = active.Layer
		}
	}
	if err := pointInspected.Hit(); err != nil {
		return nil, err
	}
	if prev != nil && active.Layer != "" && m.SameBuild(prev) {
		if r, err := s.record(active.Layer); err == nil && (label == "" || label == r.Label) {
			s.used(active.Layer)
			return &SnapshotReport{Record: *r, Foreign: t.inside(without)}, nil
		}
	}
	b, err := m.Encode()
	if err != nil {
		return nil, err
	}
	id := digest(b)
	active.Layer = id
	if err := active.write(t.path); err != nil {
		return nil, err
	}
	if err := writeRecalls(t.path, m); err != nil {
		return nil, err
	}
	if err := writeMeta(t.path, manifestFile, b); err != nil {
		return nil, err
	}
	if err := pointDescribed.Hit(); err != nil {
		return nil, err
	}
	from := t.path
	if len(m.Dead)+len(foreign)+len(without) > 0 {
		if from, err = s.lean(ctx, p, t, m, without, len(foreign) > 0); err != nil {
			return nil, err
		}
		if err := pointCopied.Hit(); err != nil {
			return nil, errors.Join(err, s.opts.Driver.Delete(context.WithoutCancel(ctx), from))
		}
	}
	created := true
	err = s.opts.Driver.Seal(ctx, s.tree(id), from)
	if from != t.path {
		err = errors.Join(err, s.opts.Driver.Delete(context.WithoutCancel(ctx), from))
	}
	if errors.Is(err, fs.ErrExist) {
		created = false // somebody else sealed the same state
	} else if err != nil {
		return nil, s.explainMove(t, err)
	}
	if err := pointSealed.Hit(); err != nil {
		return nil, err
	}
	r := newRecord(id, m, s.opts.Now())
	if !created {
		if old, err := s.record(id); err == nil {
			r = *old
		}
	}
	if err := s.writeRecord(r); err != nil {
		return nil, err
	}
	s.used(r.Parent, r.ID)
	s.feed(r.ID, m.Profiles)
	return &SnapshotReport{Record: r, CreatedNew: created, LeftOut: m.LeftSince(prev), Foreign: t.inside(without)}, pointRecorded.Hit()
}

// writeRecalls leaves what the next inspection need not read, in the build directory
// and in each inside it.
func writeRecalls(dir string, m *cargo.Manifest) error {
	write := writeMeta
	if m.Recall.Keep {
		write = appendMeta
	}
	if err := write(dir, recallFile, m.Recall.Text); err != nil {
		return err
	}
	for _, n := range m.Nested {
		inside := filepath.Join(dir, string(n.Path))
		if err := os.MkdirAll(filepath.Join(inside, metaDir), 0o777); err != nil {
			return fmt.Errorf("write %s: %w", recallFile, err)
		}
		if err := writeRecalls(inside, n.Manifest); err != nil {
			return err
		}
	}
	return nil
}

// lean makes a copy of the build directory without what no build there can use, and
// without some directories. The build directory keeps it: its user may go back to
// another lockfile. Where it is a user's, with foreign, the copy is not.
func (s *Store) lean(ctx context.Context, p *Place, t target, m *cargo.Manifest, without []string, foreign bool) (tmp string, err error) {
	if foreign || len(without) > 0 {
		tmp, err = s.ownCopy(ctx, t, without)
	} else {
		tmp = s.tree(driver.TempPrefix + digest([]byte(fmt.Sprint(os.Getpid(), time.Now().UnixNano())))[:8])
		err = s.opts.Driver.Clone(ctx, tmp, t.path)
	}
	if err != nil {
		return "", s.explainMove(t, fmt.Errorf("seal %s: %w", t.path, err))
	}
	if len(m.Dead) == 0 {
		return tmp, nil
	}
	recall, err := m.RemoveDead(tmp, p.Workspace.CargoHome, readRecall(tmp))
	if err == nil {
		err = writeMeta(tmp, recallFile, recall)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("seal %s: %w", t.path, err), s.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
	}
	return tmp, nil
}

// feed tells the warehouse which of the units that it knows of a layer holds. Those
// that are compiled incrementally lie in layers only: loose, each edit would leave
// its outputs behind. It is no part of the snapshot's promise: what goes wrong is a
// unit that is compiled once more.
func (s *Store) feed(id string, profiles []string) {
	if _, err := os.Stat(filepath.Join(s.opts.Dir, warehouse.Dir)); err != nil {
		return
	}
	w := warehouse.In(s.opts.Dir)
	for _, list := range cargo.InputLists(s.tree(id), profiles) {
		text, err := os.ReadFile(filepath.Join(s.tree(id), list))
		if err != nil {
			continue
		}
		if m, err := rustc.ParseMark(string(text)); err == nil {
			_, _ = w.AddLayer(&m, rustc.InLayer{Layer: id, Dir: filepath.Dir(list)})
		}
	}
}
