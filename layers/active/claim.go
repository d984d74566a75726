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
	// NoWait: fail with ErrBusy where another command of this program, which may be
	// waiting for a build, has the build directory and keeps it.
	NoWait bool
}

// A Claim is a build directory from which other commands of this program are kept
// away. Only what has a claim on one writes into it.
type Claim struct {
	Dir
	opts       Options
	lockFile   string          // the lock, where one could be made
	cargoLocks *builddir.Locks // Cargo's own, nil while they are not held
	release    func() error
}

func newClaim(d Dir, o Options) *Claim {
	return &Claim{Dir: d, opts: o, lockFile: filepath.Join(o.Claims, ClaimPrefix+digest.OfText(d.Path))}
}

// LockCargo takes all of Cargo's locks that a build takes which writes into the build
// directory and into artifacts. Where another process has one, it waits and tells
// notify, if there is any; with noWait it fails with ErrBusy.
func (c *Claim) LockCargo(ctx context.Context, artifacts string, noWait bool, notify func(what string)) error {
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
	c.cargoLocks = locks
	return err
}

// UnlockCargo gives Cargo's locks back, if they are held.
func (c *Claim) UnlockCargo() {
	if c.cargoLocks != nil {
		c.cargoLocks.Unlock()
		c.cargoLocks = nil
	}
}

// Unlocked lists the directories, relative to the build directory, that could not be
// locked, since they are another user's.
func (c *Claim) Unlocked() []string {
	var rels []string
	for _, dir := range c.cargoLocks.Foreign() {
		if rel, err := filepath.Rel(c.Path, dir); err == nil && filepath.IsLocal(rel) {
			rels = append(rels, rel)
		}
	}
	return rels
}

// ClaimPrefix begins the names of the files by which build directories are claimed.
const ClaimPrefix = paths.ClaimPrefix

// ErrBusy: Cargo, or another command of this program, is at work in the
// build directory.
var ErrBusy = errors.New("build directory is in use")
