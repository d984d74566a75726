package layers

import (
	"context"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// work is one command at work on the build directory of a checkout: what all commands
// that seal or replace one have in common. It begins with a claim, which keeps other
// commands of this program away; lockCargo adds Cargo's own locks, while the directory is
// sealed or replaced; end gives all of it back. A command adds its own step only.
type work struct {
	store    *Store
	checkout *Checkout
	dir      *active.Claim
	kind     active.Kind // what stood there when the work began
	// t0 is the one time that files of kept units get, once startClock is called.
	t0     time.Time
	notify Notify
}

// begin claims the build directory of a checkout and finds out what it is. It fails where
// that is something that cannot be sealed or replaced; with noWait, where another command
// keeps it.
func (s *Store) begin(ctx context.Context, c *Checkout, noWait bool, notify Notify) (*work, error) {
	w, err := s.claim(ctx, c, noWait, notify)
	if err != nil {
		return nil, err
	}
	if err := w.identify(); err != nil {
		w.end()
		return nil, err
	}
	return w, nil
}

// claim is begin for what can go on whatever the build directory is.
func (s *Store) claim(ctx context.Context, c *Checkout, noWait bool, notify Notify) (*work, error) {
	dir, err := active.Take(ctx, c.BuildDir(), s.claimOptions(noWait), notify)
	if err != nil {
		return nil, err
	}
	return &work{store: s, checkout: c, dir: dir, notify: notify}, nil
}

func (w *work) identify() (err error) {
	w.kind, err = w.store.kindOf(w.checkout, w.dir.Dir)
	return err
}

// lockCargo takes Cargo's locks on everything that a build in the checkout locks.
func (w *work) lockCargo(ctx context.Context, noWait bool) error {
	return w.dir.LockCargo(ctx, w.checkout.Workspace.TargetDir, noWait, w.notify)
}

// takeOver locks what is built in for Cargo too, and makes a tree of it where that can be:
// cargo clean leaves none of our trees, and what is built next is an ordinary directory.
func (w *work) takeOver(ctx context.Context, noWait bool) error {
	if err := w.lockCargo(ctx, noWait); err != nil || w.kind != active.Directory || w.store.opts.Far {
		return err
	}
	if err := w.dir.TakeOver(ctx); err != nil {
		return err
	}
	w.dir.UnlockCargo() // the locks of what was taken over
	return w.lockCargo(ctx, noWait)
}

// startClock sets t0: whatever is written from now on is newer.
func (w *work) startClock(ctx context.Context) (err error) {
	w.t0, err = w.dir.Tick(ctx)
	return err
}

func (w *work) end() { _ = w.dir.Release() }

// path is the build directory.
func (w *work) path() string { return w.dir.Path }

// isPlainCopy reports whether the build directory is no more than a copy of a layer, and
// something else is kept for undo, which is worth more.
func (w *work) isPlainCopy() bool {
	if !w.dir.Undoable() || !rollback.Exists(w.path()) {
		return false
	}
	from := active.ReadProvenance(w.path())
	return from.OfLayer() && rollback.Exists(w.store.tree(from.Layer)) && from.Untouched(w.path())
}
