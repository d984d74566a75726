package active

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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

// hideFromGit marks a tree as one that was set aside, by a .gitignore inside it. One that
// is there already stays. It is written under its name: what a process that dies leaves of
// it is known for what it is, and a temporary file would not be.
func hideFromGit(tree string) error {
	err := within(tree, func(tree string) error {
		name := filepath.Join(tree, ignoreFile)
		if b, err := regular.Read(name); err == nil && isTorn(b) {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
		// Not through a link, which somebody may have put there.
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			return nil
		} else if err != nil {
			return err
		}
		_, err = f.WriteString(ignoreReplaced)
		return errors.Join(err, f.Close())
	})
	if help.IsFull(err) {
		_ = unhideFromGit(tree) // of what was written in part
		return nil              // init has put it among what the repository excludes, too
	}
	return err
}

// unhideFromGit takes that mark away again, whole or written in part.
func unhideFromGit(tree string) error {
	return within(tree, func(tree string) error {
		name := filepath.Join(tree, ignoreFile)
		if b, err := regular.Read(name); err != nil || string(b) != ignoreReplaced && !isTorn(b) {
			return nil
		}
		return os.Remove(name)
	})
}

// isTorn reports whether a process died, or the disk was full, while it wrote the mark.
func isTorn(mark []byte) bool {
	return len(mark) < len(ignoreReplaced) && strings.HasPrefix(ignoreReplaced, string(mark))
}

// remove deletes a tree beside the build directory. What another user's directories
// in it keep from being deleted gets a name that is in nobody's way; each command
// tries again, and Dir.Undeletable tells of it.
//
// What was exchanged first gets the name of a half-made tree. A deletion that goes file by
// file takes the mark away before the rest, and one that was cut short there would leave
// what looks like the former build directory, and would take the place of the true one.
// Where there is no room for another name, it is deleted where it is.
func (c *Claim) remove(ctx context.Context, path string) error {
	if aside := c.tmp + atomicfile.TempSuffix(); path == c.swap && driver.Publish(path, aside) == nil {
		path = aside
	}
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
