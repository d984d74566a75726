package active

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/help"
)

// Take claims a build directory, and puts away what a command that crashed has left
// beside it. Release does the same for the command that has the claim. Notify, if there
// is any, is told what Take waits for.
func Take(ctx context.Context, d Dir, o Options, notify func(what string)) (*Claim, error) {
	c := newClaim(d, o)
	unlock, err := c.lockOutInTime(ctx, func() {
		if notify != nil {
			notify("another cargo-cow in " + d.Path)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", d.Path, err)
	}
	note(c.lockFile, d.Path+"\n")
	before, err := readParent(d)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("claim %s: %w", d.Path, err), unlock())
	}
	if err := c.tidy(ctx); err != nil {
		if _, unfit := d.Kind(o.Driver); unfit != nil {
			err = unfit // which says why nothing can be done there
		}
		return nil, errors.Join(err, before.restoreTime(d), unlock())
	}
	c.release = func() error {
		return errors.Join(c.tidy(context.WithoutCancel(ctx)), before.restoreTime(d), unlock())
	}
	return c, nil
}

// patience is how long a command that must not wait for a build waits for another one of
// this program. On a busy machine that takes some tenths of a second, and giving up would
// be to build anew for nothing. One that takes longer waits for a build itself, or copies
// file by file.
const patience = 2 * time.Second

// lockOutInTime is lockOut. With NoWait it fails with ErrBusy where that takes too long.
func (c *Claim) lockOutInTime(ctx context.Context, wait func()) (unlock func() error, err error) {
	if !c.opts.NoWait {
		return c.lockOut(ctx, wait)
	}
	inTime, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	unlock, err = c.lockOut(inTime, nil)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &help.Error{
			Err:  fmt.Errorf("%w by another cargo-cow, which may be waiting for cargo", ErrBusy),
			Help: "run it again when that is done, or without --no-wait",
		}
	}
	return unlock, err
}

// Release ends the claim, and before it Cargo's locks.
func (c *Claim) Release() error {
	c.UnlockCargo()
	return c.release()
}

// note writes into a claim where its build directory is, for those who look for
// what is still in use. It is advice.
func note(claim, text string) {
	if b, err := os.ReadFile(claim); err != nil || string(b) == text {
		return
	}
	_ = os.WriteFile(claim, []byte(text), 0o600)
}

// lockOut keeps other commands of this program away from a build directory, by an
// exclusive lock on a file in the store. Where no file can be made there, it locks the
// directory around the build directory. Those who have a file lock that as well, shared,
// so that the two kinds exclude each other.
func (c *Claim) lockOut(ctx context.Context, wait func()) (unlock func() error, err error) {
	file, err := flock.Lock(ctx, c.lockFile, flock.Exclusive, wait)
	if err != nil && !help.IsReadOnly(err) {
		return nil, err
	}
	mode := flock.Shared
	if err != nil {
		mode = flock.Exclusive
		if err := driver.MakeDirs(filepath.Dir(c.Path), 0o777); err != nil {
			return nil, err
		}
	}
	dir, derr := flock.Lock(ctx, filepath.Dir(c.Path)+"/", mode, wait)
	switch {
	case file == nil && derr != nil:
		return nil, derr
	case file == nil:
		return dir, nil
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), file())
	case derr != nil: // not there yet, or on a network
		return file, nil
	}
	return func() error { return errors.Join(dir(), file()) }, nil
}
