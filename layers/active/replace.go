package active

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/justintime"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

var (
	pointExchanged = crashpoint.New("replace.exchanged")
	pointAside     = crashpoint.New("replace.aside")

	pointUndone = crashpoint.New("undo.exchanged")
)

// Replace puts a prepared tree in the place of the build directory, in one step, and
// keeps what was there before for BringBack. It reports whether anything was there.
func (c *Claim) Replace(ctx context.Context, tmp string) (replaced bool, err error) {
	was, err := c.install(tmp)
	if err != nil || was == "" {
		return false, err
	}
	return true, c.setAside(ctx, was)
}

// ReplaceKeepingUndo is Replace for a build directory that is no more than a copy of a
// layer: it is deleted, and what an earlier Replace has kept stays what BringBack brings
// back. It is marked first, so that after a crash it is removed and not kept.
func (c *Claim) ReplaceKeepingUndo(ctx context.Context, tmp string) (replaced bool, err error) {
	if err := markPrepared(c.Path); err != nil {
		return false, fmt.Errorf("replace %s: %w", c.Path, err)
	}
	was, err := c.install(tmp)
	if err != nil || was == "" {
		return false, err
	}
	if err := c.remove(ctx, was); err != nil {
		return true, fmt.Errorf("remove the copy that was replaced: %w", err)
	}
	return true, nil
}

// IsNew reports whether nothing is built in the build directory.
func (c *Claim) IsNew() bool { return !rollback.Exists(c.Path) || justintime.IsHollow(c.Path) }

// PlaceNew is Replace where nothing is built, which leaves nothing to be kept. The error wraps
// fs.ErrExist where somebody has come to build meanwhile. The caller holds Cargo's locks on
// what is there.
func (c *Claim) PlaceNew(ctx context.Context, tmp string) error {
	switch err := driver.Publish(tmp, c.Path); {
	case err == nil:
		return c.installed()
	case !errors.Is(err, fs.ErrExist) || c.cargoLocks == nil || !justintime.IsHollow(c.Path):
		return c.ExplainMove(fmt.Errorf("put %s in place: %w", c.Path, err))
	}
	_, err := c.ReplaceKeepingUndo(ctx, tmp)
	return err
}

// BringBack puts what the last Replace has replaced in the place of the build
// directory, and keeps what it replaces in turn. Where something is there, the caller
// holds Cargo's locks.
func (c *Claim) BringBack() error {
	if c.cargoLocks == nil {
		if err := driver.Publish(c.undo, c.Path); err != nil {
			return fmt.Errorf("undo in %s: %w", c.Path, rollback.Explain(err))
		}
		if err := unhideFromGit(c.Path); err != nil {
			return fmt.Errorf("undo in %s: %w", c.Path, err)
		}
		return pointUndone.Hit()
	}
	if err := c.exchange(c.undo, pointUndone); err != nil {
		return err
	}
	if err := errors.Join(hideFromGit(c.undo), unhideFromGit(c.Path)); err != nil {
		return fmt.Errorf("undo in %s: %w", c.Path, err)
	}
	return nil
}

// install puts a prepared tree in the place of the build directory, in one step.
// It returns where what was there before lies now, "" if there was nothing.
func (c *Claim) install(tmp string) (replaced string, err error) {
	switch err := driver.Publish(tmp, c.Path); {
	case err == nil:
		return "", c.installed()
	case !errors.Is(err, fs.ErrExist):
		return "", c.ExplainMove(fmt.Errorf("put %s in place: %w", c.Path, err))
	}
	// From here on the name tells what is under it: with the mark what was
	// prepared, without it what was replaced.
	if err := driver.Publish(tmp, c.swap); err != nil {
		return "", fmt.Errorf("replace %s: %w", c.Path, err)
	}
	if err := c.exchange(c.swap, pointExchanged); err != nil {
		return "", err
	}
	return c.swap, c.installed()
}

func (c *Claim) installed() error {
	if err := unmarkPrepared(c.Path); err != nil {
		return fmt.Errorf("put %s in place: %w", c.Path, err)
	}
	return pointAside.Hit()
}

// exchange exchanges the build directory with the tree beside it, unless a cargo
// is about to build in it. One that had opened a lock file before would build in
// the new directory under the lock of the old; so the exchange is taken back if
// any came while it was made.
func (c *Claim) exchange(other string, point *crashpoint.Point) error {
	busy := func() error {
		return &help.Error{
			Err:  fmt.Errorf("replace %s: %w: a cargo has come to build in it", c.Path, ErrBusy),
			Help: "run it again when cargo is done",
		}
	}
	if err := c.CheckOwn(); err != nil {
		return err
	}
	if err := c.cargoLocks.Guard(); errors.Is(err, builddir.ErrLocked) {
		return busy()
	} else if err != nil {
		return fmt.Errorf("replace %s: %w", c.Path, err)
	}
	defer c.cargoLocks.Unguard()
	if err := driver.Exchange(other, c.Path); err != nil {
		return c.ExplainMove(fmt.Errorf("replace %s: %w", c.Path, err))
	}
	err := point.Hit()
	if err == nil {
		var disturbed bool
		if disturbed, err = c.cargoLocks.Disturbed(c.Path, other); disturbed {
			err = busy()
		}
	}
	if err != nil {
		return errors.Join(err, driver.Exchange(other, c.Path))
	}
	return nil
}

// CheckOwn refuses to work on a build directory in which somebody else may be
// building right now.
func (c *Claim) CheckOwn() error {
	if closed := c.cargoLocks.Closed(); len(closed) > 0 {
		return foreign.Error("replace "+c.Path, closed...)
	}
	return nil
}
