package reflink

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// clonesOpen: an open file can be made a clone of another. clonesNames: a new file can
// (fclonefileat(2), on APFS).
const clonesOpen, clonesNames = false, true

// noLinks opens through no link, wherever in the path it is (macOS 11).
const noLinks = unix.O_NOFOLLOW_ANY

// onlyToEnter opens a directory for what is in it; unused has no access time noted.
const onlyToEnter, unused = unix.O_RDONLY, 0

func cloneOpen(dst, src int) error {
	return fmt.Errorf("%w: only to a new file: %w", ErrUnsupported, unix.ENOTSUP)
}

func setTimesOpen(_, dir int, name string, st *unix.Stat_t) error {
	return unix.UtimesNanoAt(dir, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

func takesWhatItHolds(st *unix.Statfs_t) bool { return false }

func flush(dir string) error { return unix.ENOTSUP }

func canShare(dst int) bool { return false }

// cloneName makes a new file a clone of src. The caller owns it, whoever owns src.
func cloneName(dir int, name string, src int) error {
	_, err := again(func() (int, error) { return 0, unix.Fclonefileat(src, dir, name, unix.CLONE_NOOWNERCOPY) })
	return err
}

// cloneWhole makes the new directory dst a clone of src, with all that is in it.
var cloneWhole = func(dst, src string) error {
	_, err := again(func() (int, error) {
		return 0, unix.Clonefile(src, dst, unix.CLONE_NOFOLLOW|unix.CLONE_NOOWNERCOPY)
	})
	return err
}

// judge knows the errors that clonefile(2) names. EINVAL is what it has for flags and for
// files that are none.
func judge(err error) verdict {
	for _, e := range []error{unix.ENOTSUP, unix.EOPNOTSUPP, unix.ENOSYS, unix.EXDEV} {
		if errors.Is(err, e) {
			return unsupported
		}
	}
	for _, e := range []error{unix.EINVAL, unix.EPERM, unix.EACCES} {
		if errors.Is(err, e) {
			return copyThis
		}
	}
	return fatal
}

// copyInKernel is not to be had: fcopyfile(3) is made of reading and writing.
func copyInKernel(dst, src int, at, n int64) (int64, error) { return 0, unix.ENOTSUP }
