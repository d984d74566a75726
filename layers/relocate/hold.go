package relocate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/lease"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// patience is how long the change waits for those who are at work in a store: a restore takes
// tenths of a second, and a seal some seconds. Who waits for a compile keeps it longer.
var patience = 15 * time.Second

// held is a store in which nobody else is at work.
type held struct {
	store  string
	layers []string // sorted
	undo   []func() error
}

// release gives it back. Where the store is still there, so are the files of its leases: they are
// made in advance, for a full disk.
func (h *held) release() {
	for _, undo := range slices.Backward(h.undo) {
		_ = undo()
	}
	for _, id := range h.layers {
		_ = lease.Prepare(filepath.Join(h.store, paths.StoreLeases), id)
	}
}

// hold waits until nobody is at work in a store, and keeps all away: who seals or removes, by the
// store's lock; who restores, by the leases; and who has claimed a build directory for it.
func hold(ctx context.Context, store string) (*held, error) {
	for end := time.Now().Add(patience); ; {
		h, err := tryHold(store)
		if !errors.Is(err, ErrInUse) || time.Now().After(end) {
			return h, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func tryHold(store string) (*held, error) {
	h := &held{store: store}
	if err := h.take(); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

func (h *held) take() error {
	if err := h.lock(paths.StoreLock); err != nil {
		return err
	}
	// Nobody makes or removes one now.
	var err error
	if h.layers, err = layersOf(h.store); err != nil {
		return err
	}
	leases := filepath.Join(h.store, paths.StoreLeases)
	for _, id := range h.layers {
		release, err := lease.Exclusive(leases, id)
		if errors.Is(err, lease.ErrHeld) {
			return fmt.Errorf("%w: layer %s is", ErrInUse, id)
		}
		if err != nil {
			return err
		}
		h.undo = append(h.undo, release)
	}
	claims, err := names(leases)
	for _, name := range claims {
		if err == nil && strings.HasPrefix(name, paths.ClaimPrefix) {
			err = h.lock(filepath.Join(paths.StoreLeases, name))
		}
	}
	return err
}

func (h *held) lock(name string) error {
	unlock, err := flock.TryLock(filepath.Join(h.store, name), flock.Exclusive)
	if errors.Is(err, flock.ErrLocked) {
		return ErrInUse
	}
	if err != nil {
		return err
	}
	h.undo = append(h.undo, unlock)
	return nil
}

// layersOf lists the layers of a store, sorted.
func layersOf(store string) ([]string, error) {
	all, err := names(filepath.Join(store, paths.StoreLayers))
	all = slices.DeleteFunc(all, func(n string) bool { return !digest.Is(n) })
	slices.Sort(all)
	return all, err
}

// names lists a directory; one that is not there has nothing in it.
func names(dir string) ([]string, error) {
	list, err := ls.Names(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}
