package active

import (
	"context"
	"errors"
	"fmt"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

var pointDiscarded = crashpoint.New("discard.renamed")

// Discard removes the build directory; the caller holds Cargo's locks. It is gone in one
// step, and deleted after that.
func (c *Claim) Discard(ctx context.Context) error { return c.discard(ctx, c.Path) }

// DiscardUndo removes what BringBack would bring back, wherever it lies.
func (c *Claim) DiscardUndo(ctx context.Context) error {
	for _, path := range []string{c.undo, c.misnamed} {
		if !rollback.Exists(path) {
			continue
		}
		if err := c.discard(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// discard gives a tree the name of a half-made one, which whoever claims the build directory
// next puts away, and deletes it. Where a full disk has no room for another name, it is
// deleted where it is: that makes room.
func (c *Claim) discard(ctx context.Context, path string) error {
	aside := c.tmp + atomicfile.TempSuffix()
	if err := driver.Publish(path, aside); help.IsFull(err) {
		aside = path
	} else if err != nil {
		return c.ExplainMove(fmt.Errorf("remove %s: %w", path, err))
	}
	if err := pointDiscarded.Hit(); err != nil {
		return err
	}
	if err := c.opts.Driver.Delete(context.WithoutCancel(ctx), aside); err != nil {
		return &help.Error{Err: fmt.Errorf("remove %s: %w", path, err), Help: "sudo rm -rf " + help.ShellWord(aside)}
	}
	return nil
}

// Remove removes a build directory of which nothing else is known, or with undo what would be
// brought back in its place, unless it is in use: then it fails with ErrBusy. Once nobody can
// change it any more, still says whether it is to go all the same.
func Remove(ctx context.Context, buildDir string, undo bool, o Options, still func() bool) error {
	failed := func(err error) error { return fmt.Errorf("remove %s: %w", buildDir, err) }
	d := Found(buildDir)
	c, err := Take(ctx, d, o, nil)
	if err != nil {
		return failed(err)
	}
	defer c.Release()
	if !undo {
		if kind, err := d.Kind(o.Driver); err != nil || kind == Absent {
			return err
		}
		if err := c.LockCargo(ctx, buildDir, true, nil); err != nil {
			return failed(err)
		}
	}
	switch {
	case !still():
		return failed(ErrBusy)
	case undo:
		return c.DiscardUndo(ctx)
	}
	return c.Discard(ctx)
}

// Tidy puts away what a process that died has left beside a build directory of which nothing
// else is known. Where it is in use, whoever uses it does so.
func Tidy(ctx context.Context, buildDir string, o Options) error {
	c, err := Take(ctx, Found(buildDir), o, nil)
	if errors.Is(err, ErrBusy) {
		return nil
	}
	if err == nil {
		err = c.Release()
	}
	if err != nil {
		return fmt.Errorf("tidy up beside %s: %w", buildDir, err)
	}
	return nil
}
