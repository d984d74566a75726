package layers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// Status is what is known of a checkout.
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
	// Foreign are directories in it that belong to another user, Undeletable trees
	// beside it that hold such.
	Foreign     []string `json:"foreign,omitempty"`
	Undeletable []string `json:"undeletable,omitempty"`
	// Unreadable is what keeps the units from being counted.
	Unreadable string `json:"unreadable,omitempty"`

	// RolledBack: a roll-back has left only the name of the build directory.
	RolledBack bool `json:"rolled_back,omitempty"`
	Layers     int  `json:"layers"`         // in the store
	Lost       int  `json:"lost,omitempty"` // layers that a roll-back took along
	Matching   int  `json:"matching"`       // of this fingerprint
	Fresh      int  `json:"fresh"`
	Dirty      int  `json:"dirty"`
	// Irreproducible units have fingerprints that cannot be rewritten for another checkout,
	// since this version of Cargo computes them in a way nobody here knows.
	Irreproducible int `json:"strange,omitempty"`
	// ReadOnly: here, in a sandbox maybe, layers can be restored and none can be made.
	ReadOnly bool `json:"read_only,omitempty"`
	// Unresolved: there is no lockfile yet.
	Unresolved bool `json:"unresolved,omitempty"`
}

// Status looks at the checkout's build directory and store.
func (s *Store) Status(ctx context.Context, co *Checkout) (*Status, error) {
	d := co.BuildDir()
	r := &Status{BuildDir: d.Path, Store: s.opts.Dir, Driver: s.opts.Driver.Name()}
	found, err := s.kindOf(co, d)
	if err != nil {
		return nil, err
	}
	r.Exists, r.Tree = found != active.Absent, found == active.Tree
	r.Undo = d.Undoable()
	r.Undeletable = d.Undeletable()
	r.RolledBack, r.Lost = rollback.IsStub(d.Path), len(s.lost)
	r.ReadOnly, r.Unresolved = help.IsReadOnly(s.Writable()), co.Fingerprint == nil
	list, err := s.Layers(ctx)
	if err != nil {
		return nil, err
	}
	r.Layers = len(list)
	for i := range list {
		if co.Fingerprint != nil && list[i].Fingerprint == co.Fingerprint.ID {
			r.Matching++
		}
	}
	if !r.Exists {
		return r, nil
	}
	from := active.ReadProvenance(d.Path)
	r.Parent = from.Layer
	if from.Restored != 0 {
		r.Restored = time.Unix(0, from.Restored)
	}
	if r.Foreign, err = foreign.Dirs(d.Path); err != nil {
		return nil, fmt.Errorf("look at %s: %w", d.Path, err)
	}
	verdicts, err := s.Explain(ctx, co)
	if closed := (*HelpError)(nil); errors.Is(err, fs.ErrPermission) && errors.As(err, &closed) {
		r.Unreadable = closed.Err.Error() + " (" + closed.Help + ")"
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	for _, v := range verdicts {
		if v.Irreproducible {
			r.Irreproducible++
		}
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
func (s *Store) Explain(ctx context.Context, co *Checkout) ([]freshness.Verdict, error) {
	d := co.BuildDir()
	if rollback.IsStub(d.Path) {
		return nil, fmt.Errorf("explain %s: %w", d.Path, rolledBack())
	}
	if _, err := os.Stat(d.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, &HelpError{Err: fmt.Errorf("explain %s: %w", d.Path, ErrNoTarget), Help: "cargo cow restore"}
	}
	list, err := freshness.Explain(ctx, co.View(ctx), active.ReadProvenance(d.Path).Noted)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", d.Path, foreign.Explain(d.Path, err))
	}
	slices.SortStableFunc(list, func(a, b freshness.Verdict) int { return a.UnitName.Compare(b.UnitName) })
	return list, nil
}
