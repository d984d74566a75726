package active

import (
	"context"
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
