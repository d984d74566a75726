//go:build !linux && !darwin

package reflink

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// On what is neither Linux nor macOS nothing is cloned, and all is copied by reading and
// writing.

const clonesOpen, clonesNames = false, false

// noLinks keeps the last element of a path from being a link.
const noLinks = unix.O_NOFOLLOW

// onlyToEnter opens a directory for what is in it; unused has no access time noted.
const onlyToEnter, unused = unix.O_RDONLY, 0

func cloneOpen(dst, src int) error { return fmt.Errorf("%w: %w", ErrUnsupported, unix.ENOTSUP) }

func cloneName(dir int, name string, src int) error { return unix.ENOTSUP }

var cloneWhole func(dst, src string) error

func setTimesOpen(_, dir int, name string, st *unix.Stat_t) error {
	return unix.UtimesNanoAt(dir, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

func takesWhatItHolds(st *unix.Statfs_t) bool { return false }

func flush(dir string) error { return unix.ENOTSUP }

func canShare(dst int) bool { return false }

func judge(err error) verdict { return unsupported }

func copyInKernel(dst, src int, at, n int64) (int64, error) { return 0, unix.ENOTSUP }
