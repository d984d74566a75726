package active

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// setAside makes the tree at path what undo brings back.
func (c *Claim) setAside(ctx context.Context, path string) error {
	if err := c.remove(ctx, c.undo); err != nil {
		return fmt.Errorf("remove what an earlier restore replaced: %w", err)
	}
	if err := hideFromGit(path); err != nil {
		return fmt.Errorf("set aside %s: %w", c.Path, err)
	}
	if err := driver.Publish(path, c.undo); err != nil {
		return fmt.Errorf("set aside %s: %w", c.Path, err)
	}
	return nil
}

const ignoreFile = ".gitignore"

// ignoreReplaced tells git, and whatever goes by its rules, to pass over a tree
// that was set aside: the project's own rules name the build directory alone.
const ignoreReplaced = "# What the last restore of cargo-cow replaced\n*\n"

// hideFromGit marks a tree as one that was set aside, by a .gitignore inside it.
func hideFromGit(tree string) error {
	name := filepath.Join(tree, ignoreFile)
	if rollback.Exists(name) {
		return nil
	}
	err := within(tree, func(tree string) error {
		return atomicfile.Replace(filepath.Join(tree, ignoreFile), []byte(ignoreReplaced))
	})
	if help.IsFull(err) {
		return nil // init has put it among what the repository excludes, too
	}
	return err
}

// unhideFromGit takes that mark away again.
func unhideFromGit(tree string) error {
	return within(tree, func(tree string) error {
		name := filepath.Join(tree, ignoreFile)
		if b, err := regular.Read(name); err != nil || string(b) != ignoreReplaced {
			return nil
		}
		return os.Remove(name)
	})
}

// remove deletes a tree beside the build directory. What another user's directories
// in it keep from being deleted gets a name that is in nobody's way; each command
// tries again, and Dir.Undeletable tells of it.
func (c *Claim) remove(ctx context.Context, path string) error {
	err := c.opts.Driver.Delete(ctx, path)
	if !errors.Is(err, fs.ErrPermission) || !rollback.Exists(path) {
		return err
	}
	if path != c.swap && path != c.undo {
		return nil
	}
	aside := c.tmp + atomicfile.TempSuffix()
	if moved := driver.Publish(path, aside); moved != nil {
		return &help.Error{Err: errors.Join(err, moved), Help: "sudo rm -rf " + help.ShellWord(path)}
	}
	return nil
}

// putAwayStub removes a stub beside the build directory. Where that is not allowed
// it is in nobody's way.
func (c *Claim) putAwayStub(ctx context.Context, path string) bool {
	if !rollback.IsStub(path) {
		return false
	}
	_ = c.opts.Driver.Delete(ctx, path)
	return true
}
