package active

import (
	"context"
	"fmt"

	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
)

var pointCloned = crashpoint.New("init.cloned")

var pointTakenOver = crashpoint.New("init.taken-over")

// TakeOver makes an ordinary directory a tree with the same content.
func (c *Claim) TakeOver(ctx context.Context) error {
	// The original could not be removed.
	if dirs, err := foreign.Dirs(c.Path); err != nil {
		return fmt.Errorf("look at %s: %w", c.Path, err)
	} else if len(dirs) > 0 {
		return foreign.Error("take over "+c.Path, dirs...)
	}
	tmp, err := c.Prepare(ctx, c.Path)
	if err != nil {
		return err
	}
	if err := pointCloned.Hit(); err != nil {
		return err
	}
	// Small files were copied, and the originals will be gone before the kernel
	// writes the copies out by itself.
	if err := syncFileSystem(tmp); err != nil {
		return fmt.Errorf("prepare %s: %w", c.Path, err)
	}
	// From here on either of the two may go: they are the same.
	if err := markPrepared(c.Path); err != nil {
		return fmt.Errorf("prepare %s: %w", c.Path, err)
	}
	replaced, err := c.install(tmp)
	if err != nil {
		return err
	}
	if err := pointTakenOver.Hit(); err != nil {
		return err
	}
	if err := c.remove(ctx, replaced); err != nil {
		return fmt.Errorf("remove the directory that was taken over: %w", err)
	}
	return nil
}
