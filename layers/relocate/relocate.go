// Package relocate takes a store to another place: in one step where the kernel can rename it,
// else by a copy that is compared with it, byte by byte, before anything is given up.
//
// Killed at any instant, or after a power cut, a move has happened or it has not: at every moment
// one of the two places, or each, has a whole store with every layer. What is half done shows in a
// note at both ends, and whoever opens either of them next ends it or takes it back (Settle). While
// a store is copied everybody goes on working with it; at the moment of the change nobody is at work
// in it, and a move that finds somebody there for long fails with ErrInUse and leaves all as it was.
// Who is led to the old place from then on is led to the new one (locate.Moved).
//
// Any number of processes may move, settle and use stores at once. A Move is for one goroutine.
package relocate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/crashpoint"
	"github.com/cargo-cow/cargo-cow/layers/locate"
)

var (
	pointCopied    = crashpoint.New("move.copied")
	pointNoted     = crashpoint.New("move.noted")
	pointPublished = crashpoint.New("move.published")
)

// A Move is of one store.
type Move struct {
	// From is where the store is, and To where nothing is yet. Both are absolute and clean.
	From, To string
	// Old makes and removes trees at From, New those at To.
	Old, New driver.Driver
	// Data is the directory of this program's data, in which it is noted where the store went.
	Data string
	// Progress, unless nil, is told before each layer how many are copied, of how many.
	Progress func(done, of int)
}

// A Result is what came of a move.
type Result struct {
	Renamed bool // nothing was copied
	Layers  int
	// Leftover is why something is left at the old place, which is no store any more.
	Leftover error
}

// Run moves the store.
func (m *Move) Run(ctx context.Context) (*Result, error) {
	r, err := m.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("move store %s to %s: %w", m.From, m.To, err)
	}
	return r, nil
}

func (m *Move) run(ctx context.Context) (*Result, error) {
	if _, err := os.Lstat(m.To); err == nil {
		return nil, fmt.Errorf("%s: %w", m.To, fs.ErrExist)
	}
	if m.Data == "" {
		return nil, errors.New("nowhere to note where it went: neither XDG_DATA_HOME nor HOME is set")
	}
	if err := driver.CheckRemovable(m.From); err != nil {
		return nil, err
	}
	r, err := m.rename(ctx)
	if !errors.Is(err, syscall.EXDEV) {
		return r, err
	}
	return m.copyOver(ctx)
}

// rename moves the store in one step of the kernel's. The error matches EXDEV where it cannot: it
// renames within one mount only, and an ordinary directory within one subvolume only.
func (m *Move) rename(ctx context.Context) (*Result, error) {
	if !locate.SameMount(m.From, filepath.Dir(m.To)) {
		return nil, syscall.EXDEV
	}
	held, err := hold(ctx, m.From)
	if err != nil {
		return nil, err
	}
	defer held.release()
	if err := m.note(); err != nil {
		return nil, err
	}
	if err := driver.Publish(m.From, m.To); err != nil {
		return nil, err
	}
	r := &Result{Renamed: true, Layers: len(held.layers)}
	return r, errors.Join(driver.SyncNames(filepath.Dir(m.From)), driver.SyncNames(filepath.Dir(m.To)))
}

// note has all who are led to the old place go on to the new one, once the store is there.
func (m *Move) note() error {
	err := locate.AddMoved(m.Data, m.From, m.To)
	if err == nil {
		err = locate.AddMade(m.Data, m.To)
	}
	if err == nil {
		err = pointNoted.Hit()
	}
	return err
}

// staging is where the copy is made: beside its place, under a name of this move's alone.
func (m *Move) staging() string { return staging(m.From, m.To) }

// copyOver copies the store while others work with it, and then, when nobody does, what is new
// since; compares; and puts the copy in its place. Then the old store ends.
func (m *Move) copyOver(ctx context.Context) (r *Result, err error) {
	mark, err := begin(m.From, m.To)
	if err != nil {
		return nil, err
	}
	defer mark.release()
	published := false
	defer func() {
		if err == nil || published {
			return // what is left to do, whoever opens the store next does
		}
		err = errors.Join(err, m.New.Delete(context.WithoutCancel(ctx), m.staging()), mark.remove())
	}()
	// A move that was killed may have left one.
	if err := m.New.Delete(ctx, m.staging()); err != nil {
		return nil, err
	}
	c := &copying{from: m.From, to: m.staging(), driver: m.New, progress: m.Progress}
	if err := c.prepare(ctx, m.From); err != nil {
		return nil, err
	}
	if err := c.layers(ctx, true); err != nil {
		return nil, err
	}
	held, err := hold(ctx, m.From)
	if err != nil {
		return nil, err
	}
	defer held.release()
	if err := c.complete(ctx, held.layers); err != nil {
		return nil, err
	}
	if err := pointCopied.Hit(); err != nil {
		return nil, err
	}
	if err := m.note(); err != nil {
		return nil, err
	}
	if err := driver.Publish(m.staging(), m.To); err != nil {
		return nil, err
	}
	published = true
	if err := errors.Join(driver.SyncNames(filepath.Dir(m.To)), pointPublished.Hit()); err != nil {
		return nil, err
	}
	r = &Result{Layers: len(held.layers)}
	r.Leftover = retire(ctx, m.From, m.To, m.Old)
	return r, nil
}
