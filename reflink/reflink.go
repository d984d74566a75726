// Package reflink clones files and trees of files by sharing their extents
// (FICLONE), and tells what is shared. It keeps no state between calls; all
// functions and methods may be called by any number of goroutines at once, as
// long as nobody writes to what is being read.
package reflink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// InlineMax is the size in bytes up to which files are copied rather than cloned:
// Btrfs keeps them inside its metadata (mount option max_inline, 2048 by default),
// where a clone is a copy that costs more than a plain one (17 against 22
// thousand files a second), and a file of half a block wins nothing elsewhere.
const InlineMax = 2048

// Mode says whether files are cloned or copied.
type Mode int

const (
	// Auto clones what can be cloned and copies the rest.
	Auto Mode = iota
	// Always clones, and fails with ErrUnsupported where the file systems cannot.
	// Small files, and single files that cannot be cloned, such as files without
	// copy-on-write, are copied all the same.
	Always
	// Never copies with read and write, so that nothing is shared.
	Never
)

// ErrUnsupported says that no file can be cloned between two places.
var ErrUnsupported = errors.New("file system cannot clone files")

// File makes the content of dst that of src by sharing all extents. dst must be
// empty and open for writing, src for reading. The error wraps the errno. Times,
// modes and extended attributes are not cloned.
func File(dst, src *os.File) error {
	for {
		err := unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("clone %s to %s: %w", src.Name(), dst.Name(), err)
		}
		return nil
	}
}

// verdict is what an error of File means for the next step.
type verdict int

const (
	fatal       verdict = iota // nothing else would help
	copyThis                   // this file cannot be cloned, others can
	unsupported                // no file can be cloned between these places
)

// judge knows the errors of FICLONE on Linux 6.18 (Btrfs, XFS, ext4, overlayfs,
// tmpfs, measured) and those the sources of NFS and ZFS give. EINVAL: without
// copy-on-write, or on another device of the same XFS. EAGAIN: ZFS, source not
// yet written. ETXTBSY: swap file. EPERM: immutable or append-only.
func judge(err error) verdict {
	for _, e := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS, unix.EXDEV} {
		if errors.Is(err, e) {
			return unsupported
		}
	}
	for _, e := range []error{unix.EINVAL, unix.EAGAIN, unix.ETXTBSY, unix.EPERM} {
		if errors.Is(err, e) {
			return copyThis
		}
	}
	return fatal
}

// Copier clones or copies single files from one file system to another, or
// within one. It remembers once cloning between the two has proved impossible,
// so use one Copier for one pair. It must not be copied.
type Copier struct {
	mode   Mode
	cannot atomic.Bool
}

// NewCopier returns a Copier with the given mode.
func NewCopier(mode Mode) *Copier { return &Copier{mode: mode} }

// File makes the content of the empty file dst that of src and reports whether it
// was cloned. Like the function File it keeps nothing but content.
func (c *Copier) File(ctx context.Context, dst, src *os.File) (cloned bool, err error) {
	info, err := src.Stat()
	if err != nil {
		return false, err
	}
	if c.mode != Never && info.Size() > InlineMax && !c.cannot.Load() {
		err := File(dst, src)
		if err == nil {
			return true, nil
		}
		switch judge(err) {
		case fatal:
			return false, err
		case unsupported:
			if c.mode == Always {
				return false, fmt.Errorf("%w: %w", ErrUnsupported, err)
			}
			c.cannot.Store(true)
		}
	}
	if err := copyContent(ctx, dst, src, info); err != nil {
		return false, fmt.Errorf("copy %s to %s: %w", src.Name(), dst.Name(), err)
	}
	return false, nil
}

// probeSize is above InlineMax and more than a block, so that a success shows
// real sharing. (ZFS with cloning switched off still "clones" an empty file.)
const probeSize = 16 << 10

// Probe reports whether files of the directory from can be cloned to the
// directory to, by cloning one. Its temporary files are gone when it returns. An
// error means that it could not find out, for instance that a directory is not
// writable.
func Probe(from, to string) (bool, error) {
	ok, err := probe(from, to)
	if err != nil {
		return false, fmt.Errorf("probe cloning from %s to %s: %w", from, to, err)
	}
	return ok, nil
}

func probe(from, to string) (ok bool, err error) {
	src, err := os.CreateTemp(from, ".tmp-probe-")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, src.Close(), os.Remove(src.Name())) }()
	dst, err := os.CreateTemp(to, ".tmp-probe-")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, dst.Close(), os.Remove(dst.Name())) }()

	// Not constant, so that neither compression nor deduplication makes it small.
	data := make([]byte, probeSize)
	for rest := data; len(rest) > 0; {
		n, err := unix.Getrandom(rest, 0)
		if err != nil && err != unix.EINTR {
			return false, fmt.Errorf("getrandom: %w", err)
		}
		rest = rest[max(n, 0):]
	}
	if _, err := src.Write(data); err != nil {
		return false, err
	}
	if err := src.Sync(); err != nil {
		return false, err
	}
	if err := File(dst, src); err != nil {
		if judge(err) == fatal {
			return false, err
		}
		return false, nil
	}
	got := make([]byte, probeSize)
	if _, err := dst.ReadAt(got, 0); err != nil {
		return false, err
	}
	return bytes.Equal(got, data), nil
}
