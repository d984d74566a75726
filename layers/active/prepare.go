package active

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// preparedFile marks a tree that has not been put in place yet. A tree that is left over
// without the mark was replaced, and a crash came before it was set aside for undo.
const preparedFile = paths.TreePrepared

// Prepare makes a tree beside the build directory: a copy of from, or an empty
// one. It carries the mark of a tree that is not in place yet.
func (c *Claim) Prepare(ctx context.Context, from string) (string, error) {
	if err := c.makeParent(); err != nil {
		return "", err
	}
	tmp := c.tmp + atomicfile.TempSuffix()
	var err error
	if from == "" {
		err = c.opts.Driver.Create(ctx, tmp)
	} else {
		err = c.opts.Driver.Clone(ctx, tmp, from)
	}
	if err == nil {
		rollback.ClearStubs(tmp)
		err = markPrepared(tmp)
	}
	if err == nil {
		err = locate.Note(tmp, c.opts.Note)
	}
	if err != nil {
		return "", c.ExplainMove(fmt.Errorf("prepare %s: %w", c.Path, err))
	}
	return tmp, nil
}

// makeParent makes the directory around the build directory: the first build makes
// it, or a roll-back took it along.
func (c *Claim) makeParent() error {
	if err := driver.MakeDirs(filepath.Dir(c.Path), 0o777); err != nil {
		return fmt.Errorf("make the directory around %s: %w", c.Path, rollback.Explain(err))
	}
	return nil
}

// markPrepared puts the mark of a tree that is not in place yet into dir.
func markPrepared(dir string) error {
	return within(dir, func(dir string) error {
		if err := makeMeta(dir); err != nil {
			return err
		}
		f, err := atomicfile.Create(filepath.Join(dir, preparedFile), 0o666)
		if err != nil {
			return err
		}
		return f.Close()
	})
}

// unmarkPrepared takes the mark away again.
func unmarkPrepared(dir string) error {
	return within(dir, func(dir string) error { return os.Remove(filepath.Join(dir, preparedFile)) })
}

// Settle is for when the last file was written into a prepared tree.
// The copies are this program's own writing: a power cut must not leave
// them empty under times that Cargo takes for fresh.
func (c *Claim) Settle(tmp string) error {
	if c.opts.Driver.Caps().ConstantTime {
		return nil
	}
	return syncFileSystem(tmp)
}

func syncFileSystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &fs.PathError{Op: "sync file system of", Path: dir, Err: err}
	}
	return nil
}

// Abandon deletes a prepared tree that is not to go in, since of err if there is one.
func (c *Claim) Abandon(ctx context.Context, tmp string, err error) error {
	return errors.Join(err, c.opts.Driver.Delete(context.WithoutCancel(ctx), tmp))
}

// ExplainMove turns an error about two file systems into one that says what to
// do.
func (c *Claim) ExplainMove(err error) error {
	if errors.Is(err, driver.ErrStub) {
		return rollback.Explain(err)
	}
	if errors.Is(err, unix.EXDEV) {
		return &help.Error{
			Err:  fmt.Errorf("%w: %s and the store %s are on different file systems or mounts", err, c.Path, c.opts.Store),
			Help: "cargo cow --store DIR init, with DIR on the file system of the build directory",
		}
	}
	return err
}
