// Package reflink clones files and trees of files by sharing their extents, and tells
// what is shared. It keeps no state between calls; all functions and methods may be
// called by any number of goroutines at once, as long as nobody writes to what is being
// read.
//
// On Linux files are cloned with FICLONE. On macOS they are cloned with clonefile(2),
// which makes a new file: [Copier.NewFile] and [CopyTree] clone, and so does [Probe],
// while [File] fails with [ErrUnsupported] and [Copier.File] copies; what is shared cannot
// be asked. What is there for macOS is compiled and vetted whenever the tests run, and
// nothing more: no machine of this project has ever run it. Elsewhere all is copied.
package reflink

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"sync"
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

// File makes the content of dst that of src by sharing all extents. dst must be
// empty and open for writing, src for reading. The error wraps the errno. Times,
// modes and extended attributes are not cloned. Not on macOS.
func File(dst, src *os.File) error {
	if err := cloneOpen(int(dst.Fd()), int(src.Fd())); err != nil {
		return fmt.Errorf("clone %s to %s: %w", src.Name(), dst.Name(), err)
	}
	return nil
}

// Copier clones or copies single files from one file system to another, or
// within one. It remembers once cloning between the two has proved impossible,
// so use one Copier for one pair. It must not be copied.
type Copier struct {
	mode   Mode
	copies func() error // called once before anything is copied for want of cloning; may be nil
	told   func(int64)  // of what is copied; may be nil
	once   sync.Once
	failed error       // of copies
	cannot atomic.Bool // no file can be cloned
	kernel atomic.Int32
}

// What is known of whether the kernel may copy by itself.
const (
	untried = iota
	kernelMay
	kernelMayNot
)

// NewCopier returns a Copier with the given mode.
func NewCopier(mode Mode) *Copier { return &Copier{mode: mode} }

// File makes the content of the empty file dst that of src and reports whether it
// was cloned. Like the function File it keeps nothing but content.
func (c *Copier) File(ctx context.Context, dst, src *os.File) (cloned bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return false, &fs.PathError{Op: "fstat", Path: src.Name(), Err: err}
	}
	cloned, err = c.content(ctx, int(dst.Fd()), int(src.Fd()), &st)
	if err != nil {
		return false, fmt.Errorf("copy %s to %s: %w", src.Name(), dst.Name(), err)
	}
	return cloned, nil
}

// content is File for descriptors; st is what src is.
func (c *Copier) content(ctx context.Context, dst, src int, st *unix.Stat_t) (cloned bool, err error) {
	if clonesOpen && c.wants(st) {
		err := cloneOpen(dst, src)
		if err == nil {
			return true, nil
		}
		if err := c.judged(err); err != nil {
			return false, err
		}
	}
	t := transfer{dst: dst, src: src, kernel: st.Size >= kernelMin && c.inKernel(dst), told: c.told}
	return false, t.content(ctx, st)
}

// wants reports whether a file that st describes is to be cloned.
func (c *Copier) wants(st *unix.Stat_t) bool {
	return c.mode != Never && st.Size > InlineMax && !c.cannot.Load()
}

// judged returns an error of cloning if the file is not to be copied instead.
func (c *Copier) judged(err error) error {
	switch judge(err) {
	case fatal:
		return fmt.Errorf("clone: %w", err)
	case unsupported:
		if c.mode == Always {
			return fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		c.cannot.Store(true)
		return c.begin()
	}
	return nil
}

// begin is called before data is copied since none can be cloned.
func (c *Copier) begin() error {
	c.once.Do(func() {
		if c.copies != nil {
			c.failed = c.copies()
		}
	})
	return c.failed
}

// inKernel reports whether the kernel may copy to the empty file dst by itself, as it
// does without going through user space, and over a network without going through it.
// Where data can be shared it shares, which Never forbids.
func (c *Copier) inKernel(dst int) bool {
	if c.kernel.Load() == untried {
		may := int32(kernelMay)
		if c.mode == Never && canShare(dst) {
			may = kernelMayNot
		}
		c.kernel.Store(may)
	}
	return c.kernel.Load() == kernelMay
}
