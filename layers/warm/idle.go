package warm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
)

// Idle returns a context that ends when somebody opens one of Cargo's lock files
// in a build directory, as every build does first, or has one open already. It
// takes none of the locks itself. Cancel frees what it holds.
func Idle(ctx context.Context, buildDir string) (context.Context, context.CancelFunc, error) {
	profiles, err := builddir.Profiles(buildDir)
	if err != nil {
		return nil, nil, fmt.Errorf("watch %s: %w", buildDir, err)
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, nil, fmt.Errorf("watch %s: %w", buildDir, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	busy := false
	for _, p := range profiles {
		for _, lock := range []string{".cargo-lock", ".cargo-build-lock"} {
			path := filepath.Join(buildDir, p, lock)
			busy = busy || inUse(path)
			_, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN|unix.IN_DELETE_SELF)
			if err != nil && !errors.Is(err, unix.ENOENT) {
				events.Close()
				return nil, nil, fmt.Errorf("watch %s: %w", path, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	if busy {
		cancel()
	}
	go func() {
		defer cancel()
		// Any event will do, and so will Close.
		_, _ = events.Read(make([]byte, 4096))
	}()
	stop := context.AfterFunc(ctx, func() { events.Close() })
	return ctx, func() { cancel(); stop(); events.Close() }, nil
}

// inUse reports whether somebody has a file open. A write lease is given to the
// only one who has (fcntl(2), F_SETLEASE); it is dropped at once, and whoever comes
// just then waits no longer than that.
func inUse(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if _, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err == nil {
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	}
	return errors.Is(err, unix.EAGAIN)
}
