package layers

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/zeebo/blake3"

	"github.com/cargo-cow/cargo-cow/layers/cargo"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
)

var (
	pointInspected = crashpoint.New("snapshot.inspected")
	pointDescribed = crashpoint.New("snapshot.described")
	pointSealed    = crashpoint.New("snapshot.sealed")
	pointRecorded  = crashpoint.New("snapshot.recorded")
	pointAdopted   = crashpoint.New("init.cloned")
	pointTakenOver = crashpoint.New("init.taken-over")
)

// digest is the form of every id: 128 bits of BLAKE3 in hex.
func digest(b []byte) string {
	sum := blake3.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// InitReport says what Init found and did.
type InitReport struct {
	BuildDir  string `json:"build_dir"`
	Store     string `json:"store"`
	Driver    string `json:"driver"`
	Already   bool   `json:"already"`    // it was a tree before
	TakenOver bool   `json:"taken_over"` // an ordinary directory became a tree
}

// Init makes the place's build directory a tree. What lies in it is cloned with
// all its times, so that nothing is compiled again, and exchanged in one step.
func (s *Store) Init(ctx context.Context, p *Place, notify Notify) (*InitReport, error) {
	t := newTarget(p.Workspace.BuildDir)
	r := &InitReport{BuildDir: t.path, Store: s.opts.Dir, Driver: s.opts.Driver.Name()}
	release, err := s.claim(ctx, t, notify)
	if err != nil {
		return nil, err
	}
	defer release()
	was, err := s.look(t)
	if err != nil {
		return nil, err
	}
	switch was {
	case tree:
		r.Already = true
		return r, nil
	case directory:
		r.TakenOver = true
		locks, err := p.lockCargo(ctx, false, notify)
		if err != nil {
			return nil, err
		}
		defer locks.Unlock()
		return r, s.takeOver(ctx, t, locks)
	}
	tmp, err := s.prepare(ctx, t, "")
	if err != nil {
		return nil, err
	}
	// Cargo tags a build directory only when it makes it itself.
	if err := os.WriteFile(filepath.Join(tmp, cacheTagFile), []byte(cacheTag), 0o666); err != nil {
		return nil, fmt.Errorf("make %s: %w", t.path, err)
	}
	replaced, err := s.install(t, tmp, nil)
	if err == nil && replaced != "" {
		err = s.setAside(ctx, t, replaced) // made by somebody in this instant
	}
	return r, err
}

// takeOver makes an ordinary directory a tree with the same content.
func (s *Store) takeOver(ctx context.Context, t target, locks *cargo.Locks) error {
	tmp, err := s.prepare(ctx, t, t.path)
	if err != nil {
		return err
	}
	if err := pointAdopted.Hit(); err != nil {
		return err
	}
	// Small files were copied, and the originals will be gone before the kernel
	// writes the copies out by itself.
	if err := syncFileSystem(tmp); err != nil {
		return fmt.Errorf("prepare %s: %w", t.path, err)
	}
	// From here on either of the two may go: they are the same.
	if err := prepared(t.path); err != nil {
		return fmt.Errorf("prepare %s: %w", t.path, err)
	}
	replaced, err := s.install(t, tmp, locks)
	if err != nil {
		return err
	}
	if err := pointTakenOver.Hit(); err != nil {
		return err
	}
	if err := s.opts.Driver.Delete(ctx, replaced); err != nil {
		return fmt.Errorf("remove the directory that was taken over: %w", err)
	}
	return nil
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
}

// Snapshot seals the place's build directory as a layer, under Cargo's locks. If
// nothing was built since the layer it came from, that layer is the answer.
func (s *Store) Snapshot(ctx context.Context, p *Place, o SnapshotOptions) (*SnapshotReport, error) {
	t := newTarget(p.Workspace.BuildDir)
	release, err := s.claim(ctx, t, o.Notify)
	if err != nil {
		return nil, err
	}
	defer release()
	was, err := s.look(t)
	if err != nil {
		return nil, err
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
	return s.seal(ctx, p, t, o.Label)
}

// seal inspects and publishes. The order is: the description into the tree, the
// tree as a layer, the record beside it; a crash leaves a prefix of that.
func (s *Store) seal(ctx context.Context, p *Place, t target, label string) (*SnapshotReport, error) {
	done, err := s.working(ctx)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", t.path, err)
	}
	defer done()
	active := readActive(t.path)
	prev, sealed := previous(t.path)
	recall, _ := os.ReadFile(filepath.Join(t.path, recallFile))
	m, err := cargo.Inspect(ctx, cargo.Inspection{
		Place: p.view(ctx), Settings: p.Settings, Previous: prev, Restored: active.Restored, Sealed: sealed, Recall: recall,
	})
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", t.path, err)
	}
	if m.Immutable+len(m.Units) == 0 {
		return nil, &HelpError{fmt.Errorf("seal %s: %w: nothing was built in it", t.path, ErrNoTarget), "cargo build"}
	}
	m.Tool, m.Fingerprint, m.Label = s.opts.Tool, *p.Fingerprint, label
	if isID(active.Layer) {
		// A name noted before a crash may be of a layer that never came to be.
		if _, err := os.Lstat(s.tree(active.Layer)); err == nil {
			m.Parent = active.Layer
		}
	}
	if err := pointInspected.Hit(); err != nil {
		return nil, err
	}
	if prev != nil && active.Layer != "" && m.SameBuild(prev) && (label == "" || label == prev.Label) {
		if r, err := s.record(active.Layer); err == nil {
			return &SnapshotReport{Record: *r}, nil
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
	if err := writeMeta(t.path, recallFile, m.Recall()); err != nil {
		return nil, err
	}
	if err := writeMeta(t.path, manifestFile, b); err != nil {
		return nil, err
	}
	if err := pointDescribed.Hit(); err != nil {
		return nil, err
	}
	created := true
	if err := s.opts.Driver.Seal(ctx, s.tree(id), t.path); errors.Is(err, fs.ErrExist) {
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
	return &SnapshotReport{Record: r, CreatedNew: created}, pointRecorded.Hit()
}

// previous reads the manifest that lies in a build directory, and when it was
// written, by the kernel's clock, in ns.
func previous(dir string) (*cargo.Manifest, int64) {
	path := filepath.Join(dir, manifestFile)
	fi, err := os.Stat(path)
	if err != nil {
		return nil, 0
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, 0
	}
	m, err := cargo.DecodeManifest(b)
	if err != nil {
		return nil, 0
	}
	return m, fi.ModTime().UnixNano()
}

// Status is what is known of a place.
type Status struct {
	BuildDir string `json:"build_dir"`
	Exists   bool   `json:"exists"`
	Tree     bool   `json:"tree"` // a tree of the driver
	Store    string `json:"store"`
	Driver   string `json:"driver"`
	// Parent is the layer the directory came from or was last sealed as.
	Parent   string    `json:"parent,omitempty"`
	Restored time.Time `json:"restored,omitzero"`
	Undo     bool      `json:"undo"`
	Layers   int       `json:"layers"`   // in the store
	Matching int       `json:"matching"` // of this fingerprint
	Fresh    int       `json:"fresh"`
	Dirty    int       `json:"dirty"`
}

// Status looks at the place's build directory and store.
func (s *Store) Status(ctx context.Context, p *Place) (*Status, error) {
	t := newTarget(p.Workspace.BuildDir)
	r := &Status{BuildDir: t.path, Store: s.opts.Dir, Driver: s.opts.Driver.Name()}
	was, err := s.look(t)
	if err != nil {
		return nil, err
	}
	r.Exists, r.Tree = was != absent, was == tree
	if _, err := os.Lstat(t.undo); err == nil {
		r.Undo = true
	}
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, err
	}
	r.Layers = len(list)
	for i := range list {
		if list[i].Fingerprint == p.Fingerprint.ID {
			r.Matching++
		}
	}
	if !r.Exists {
		return r, nil
	}
	active := readActive(t.path)
	r.Parent = active.Layer
	if active.Restored != 0 {
		r.Restored = time.Unix(0, active.Restored)
	}
	verdicts, err := s.Explain(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, v := range verdicts {
		if v.Fresh {
			r.Fresh++
		} else {
			r.Dirty++
		}
	}
	return r, nil
}

// Explain says of every unit in the build directory whether the next build will
// rebuild it, and why.
func (s *Store) Explain(ctx context.Context, p *Place) ([]cargo.Verdict, error) {
	t := newTarget(p.Workspace.BuildDir)
	if _, err := os.Stat(t.path); errors.Is(err, fs.ErrNotExist) {
		return nil, &HelpError{fmt.Errorf("explain %s: %w", t.path, ErrNoTarget), "cargo cow restore"}
	}
	list, err := cargo.Explain(ctx, p.view(ctx), readActive(t.path).Noted)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", t.path, err)
	}
	slices.SortStableFunc(list, func(a, b cargo.Verdict) int { return compareNames(a.UnitName, b.UnitName) })
	return list, nil
}
