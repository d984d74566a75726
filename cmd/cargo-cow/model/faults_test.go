package model

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// begin brings about the fault of a round, as far as it is not one of an operation. The
// returned function ends it, when all operations have ended.
func (r *run) begin(rd *round) (lift func() error, err error) {
	lift = func() error { return nil }
	switch rd.fault {
	case faultFull:
		ballast := r.w.Path("ballast")
		return func() error { return r.w.empty(ballast) }, r.w.fill(ballast)
	case faultReadOnly:
		done := make(chan error)
		go func() {
			time.Sleep(rd.at)
			done <- r.w.remount(unix.MS_RDONLY)
		}()
		return func() error {
			if err := <-done; err != nil && !errors.Is(err, unix.EBUSY) {
				return err
			}
			return r.w.remount(0)
		}, nil
	case faultIO:
		broken := make(chan error)
		go func() {
			time.Sleep(rd.at)
			broken <- loopfs.Break(r.w.root)
		}()
		return func() error {
			err := <-broken
			r.end() // they have files open there
			loopfs.Mend(r.w.T, r.w.root)
			return err
		}, nil
	}
	return lift, nil
}

// remount changes whether the file system can be written to. Somebody who has a file open
// for writing keeps it from becoming read-only; it is tried until nobody has.
func (w *world) remount(flags uintptr) error {
	var err error
	for range 400 {
		err = unix.Mount("", w.root, "", unix.MS_REMOUNT|unix.MS_NOATIME|flags, "")
		if !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		err = fmt.Errorf("remount %s: %w", w.root, err)
	}
	return err
}

// fill takes the space that is left: by one large file, and then by small ones, which
// Btrfs keeps among its own data.
func (w *world) fill(dir string) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	large, err := os.Create(filepath.Join(dir, "large"))
	if err != nil {
		return err
	}
	defer large.Close()
	at := int64(0)
	for size := int64(256 << 20); size >= 4096; {
		err := unix.Fallocate(int(large.Fd()), 0, at, size)
		switch {
		case err == nil:
			at += size
		case errors.Is(err, unix.ENOSPC):
			size /= 2
		case !errors.Is(err, unix.EINTR):
			return fmt.Errorf("fill: %w", err)
		}
	}
	// As many as the room for Btrfs's own data in so small a file system may take.
	for i := range 20_000 {
		err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), make([]byte, 2000), 0o666)
		if errors.Is(err, unix.ENOSPC) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// empty gives the space back.
func (w *world) empty(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return w.settleSpace()
}

// settleSpace waits until what was deleted is free: Btrfs frees deleted subvolumes later.
func (w *world) settleSpace() error {
	d, err := os.Open(w.root)
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Syncfs(int(d.Fd())), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", w.root, err)
	}
	if w.fs.driver != "btrfs" {
		return nil
	}
	btrfs := func(args ...string) (string, error) {
		out, err := exec.Command("btrfs", append(args, w.root)...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("btrfs %s: %w: %s", args[0], err, out)
		}
		return string(out), err
	}
	// This has the kernel begin, which else takes up to half a minute.
	if _, err := btrfs("filesystem", "sync"); err != nil {
		return err
	}
	for end := time.Now().Add(answerLimit); ; time.Sleep(20 * time.Millisecond) {
		deleted, err := btrfs("subvolume", "list", "-d")
		if err != nil || deleted == "" {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("deleted subvolumes stay: %s", deleted)
		}
	}
}
