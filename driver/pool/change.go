package pool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/reflink/mounts"
)

// Grow makes the pool larger, to size bytes, while it is in use. If it is interrupted, the same
// call goes on.
func (p Pool) Grow(ctx context.Context, size int64) error {
	failed := func(err error) error { return fmt.Errorf("grow the pool: %w", err) }
	m, ok := mountedAt(p.Mount)
	if !ok {
		return failed(ErrNotMounted)
	}
	image := m.Backing()
	fi, err := os.Stat(image)
	if err != nil {
		return failed(err)
	}
	if fi.Size() > size {
		return failed(fmt.Errorf("%d MiB are less than it has: %w", size>>20, ErrTooSmall))
	}
	if err := os.Truncate(image, size); err != nil {
		return failed(err)
	}
	device, err := os.Open(m.Source)
	if err != nil {
		return failed(err)
	}
	defer device.Close()
	if _, err := unix.IoctlRetInt(int(device.Fd()), unix.LOOP_SET_CAPACITY); err != nil {
		return failed(err)
	}
	if _, err := run(ctx, "btrfs", "filesystem", "resize", "max", p.Mount); err != nil {
		return failed(err)
	}
	return nil
}

// Trim gives what the pool does not use back to the host at once, and returns how much that was
// in bytes. Without it the pool does so by itself, within seconds.
func (p Pool) Trim(ctx context.Context) (int64, error) {
	s, err := p.State()
	if err == nil && !s.Mounted {
		err = ErrNotMounted
	}
	if err == nil { // what was deleted is free with the next commit
		_, err = run(ctx, "btrfs", "filesystem", "sync", p.Mount)
	}
	if err == nil {
		_, err = run(ctx, "fstrim", p.Mount)
	}
	if err != nil {
		return 0, fmt.Errorf("trim the pool: %w", err)
	}
	after, err := p.State()
	if err != nil {
		return 0, err
	}
	return max(s.Takes-after.Takes, 0), nil
}

// Holds lists what is in the pool but the users' directories themselves, of each at most a few.
func (p Pool) Holds() (all []string) {
	const few = 5
	users := p.users()
	entries, err := os.ReadDir(p.Mount)
	if err != nil {
		return []string{err.Error()} // which may be anything
	}
	for _, top := range entries {
		if !slices.Contains(users, top.Name()) {
			all = append(all, top.Name())
			continue
		}
		inside, err := os.ReadDir(filepath.Join(p.Mount, top.Name()))
		if err != nil {
			all = append(all, err.Error())
		}
		for _, e := range inside[:min(len(inside), few)] {
			all = append(all, filepath.Join(top.Name(), e.Name()))
		}
		if len(inside) > few {
			all = append(all, filepath.Join(top.Name(), "..."))
		}
	}
	return all
}

// Detach unmounts the pool. It fails with ErrInUse while anybody uses it.
func (p Pool) Detach() error {
	m, ok := mountedAt(p.Mount)
	if !ok {
		return nil
	}
	switch err := unix.Unmount(p.Mount, 0); {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("unmount %s: %w", p.Mount, ErrInUse)
	case err != nil:
		return fmt.Errorf("unmount %s: %w", p.Mount, err)
	}
	return detached(m)
}

// detachLimit bounds the wait for the kernel, which frees a loop device some ms after its file
// system has gone.
const detachLimit = 10 * time.Second

func detached(m mounts.Mount) error {
	for end := time.Now().Add(detachLimit); m.Backing() != ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("unmount the pool: %s is still in use", m.Source)
		}
	}
	return nil
}

// Remove removes the pool with all that is in it. Unless force is given it fails with ErrHolds
// if that is anything. After it has begun, the same call goes on.
func (p Pool) Remove(ctx context.Context, force bool) error {
	image := p.image()
	if image == "" {
		return fmt.Errorf("remove the pool: %w", ErrNone)
	}
	_, missing := os.Lstat(image)
	if !force && missing == nil {
		if _, ok := mountedAt(p.Mount); !ok {
			return fmt.Errorf("remove the pool: %w, and what is in it does not show", ErrNotMounted)
		}
		if all := p.Holds(); len(all) > 0 {
			return fmt.Errorf("remove the pool: %w: there are %s", ErrHolds, strings.Join(all, ", "))
		}
	}
	if err := p.Detach(); err != nil {
		return fmt.Errorf("remove the pool: %w", err)
	}
	// The image goes first: what mounts it tells where it is, should this be interrupted.
	if IsImage(image) {
		if err := os.Remove(image); err != nil {
			return fmt.Errorf("remove the pool: %w", err)
		}
	} else if _, err := os.Lstat(image); err == nil {
		return fmt.Errorf("remove %s: %w", image, ErrForeign)
	}
	if err := p.forget(ctx); err != nil {
		return fmt.Errorf("remove the pool: %w", err)
	}
	if err := os.Remove(p.Mount); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the pool's place: %w", err)
	}
	return nil
}
