package active

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// Options say what a claim works with.
type Options struct {
	Driver driver.Driver
	// Store is where the layers are, and Claims a directory in it for the locks.
	Store, Claims string
	// Note is what a build directory is told of its store.
	Note locate.Remembered
}

// A Claim is a build directory from which other commands of this program are kept
// away. Only what has a claim on one writes into it.
type Claim struct {
	Dir
	opts    Options
	file    string          // the lock, where one could be made
	locks   *builddir.Locks // Cargo's own, nil while they are not held
	release func() error
}

func newClaim(d Dir, o Options) *Claim {
	return &Claim{Dir: d, opts: o, file: filepath.Join(o.Claims, FilePrefix+digest.OfText(d.Path))}
}

// Lock takes Cargo's locks on everything that a build locks which writes into the
// build directory and into artifacts. Where another process has them it waits and
// tells notify, if there is any; with noWait it fails with ErrBusy.
func (c *Claim) Lock(ctx context.Context, artifacts string, noWait bool, notify func(what string)) error {
	var wait func()
	if !noWait {
		wait = func() {
			if notify != nil {
				notify("file lock on build directory")
			}
		}
	}
	locks, err := builddir.Lock(ctx, wait, c.Path, filepath.Clean(artifacts))
	if errors.Is(err, builddir.ErrLocked) {
		return &help.Error{
			Err:  fmt.Errorf("lock %s: %w", c.Path, ErrBusy),
			Help: "run it again when cargo is done, or without --no-wait",
		}
	}
	c.locks = locks
	return err
}

// Unlock gives Cargo's locks back, if they are held.
func (c *Claim) Unlock() {
	if c.locks != nil {
		c.locks.Unlock()
		c.locks = nil
	}
}

// Unlocked lists what could not be locked, since it is another user's, relative to the
// build directory.
func (c *Claim) Unlocked() []string {
	var rels []string
	for _, dir := range c.locks.Foreign() {
		if rel, err := filepath.Rel(c.Path, dir); err == nil && filepath.IsLocal(rel) {
			rels = append(rels, rel)
		}
	}
	return rels
}

// FilePrefix begins the names of the files by which build directories are claimed.
const FilePrefix = paths.PlacePrefix

// ErrBusy: Cargo, or another command of this program, is at work in the
// build directory.
var ErrBusy = errors.New("build directory is in use")
