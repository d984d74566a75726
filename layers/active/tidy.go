package active

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// tidy removes trees that were being prepared when a process died. One that had been
// replaced is kept for undo, and what undo brings back is hidden from git, and nothing else.
func (c *Claim) tidy(ctx context.Context) error {
	parent, prefix := filepath.Split(c.tmp)
	left, err := ls.Names(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tidy up beside %s: %w", c.Path, err)
	}
	c.putAwayStub(ctx, c.undo)
	c.putAwayStub(ctx, c.misnamed)
	for _, name := range left {
		path := filepath.Join(parent, name)
		if path != c.swap && !strings.HasPrefix(name, prefix) {
			continue
		}
		if c.putAwayStub(ctx, path) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(path, preparedFile)); path == c.swap && errors.Is(err, fs.ErrNotExist) {
			if err := c.setAside(ctx, path); err != nil {
				return err
			}
			continue
		}
		if err := c.remove(ctx, path); err != nil {
			return fmt.Errorf("tidy up beside %s: %w", c.Path, err)
		}
	}
	if rollback.Exists(c.misnamed) && !rollback.Exists(c.undo) {
		if err := c.setAside(ctx, c.misnamed); err != nil {
			return err
		}
	}
	// An undo that died may have exchanged the two and no more. Git sees too much then, or
	// too little, and a copy of a layer does not look like one: no reason to fail.
	_ = unhideFromGit(c.Path)
	if rollback.Exists(c.undo) {
		_ = hideFromGit(c.undo)
	}
	if err := unmarkPrepared(c.Path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("tidy up %s: %w", c.Path, err)
	}
	return nil
}
