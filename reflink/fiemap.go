package reflink

import (
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Extent is a piece of a file. All values are in bytes. Lengths are those before
// compression.
type Extent struct {
	Logical  uint64 // where it begins in the file
	Physical uint64 // its address in the file system; 0 if Inline
	Length   uint64
	Shared   bool // another file, or another place of this one, refers to it too
	Inline   bool // it lies in metadata, and is never shared
	// Encoded: it is compressed. What lies at Physical is shorter than Length, and a part
	// of it has the Physical of the whole.
	Encoded bool
}

// Layout of linux/fiemap.h; the same on all architectures.
type fiemap struct {
	start, length                        uint64
	flags, mapped, extentCount, reserved uint32
	extents                              [extentsPerCall]fiemapExtent
}

type fiemapExtent struct {
	logical, physical, length uint64
	reserved64                [2]uint64
	flags                     uint32
	reserved                  [3]uint32
}

const (
	fsIocFiemap = 0xc020660b

	fiemapFlagSync      = 0x1
	fiemapExtentLast    = 0x1
	fiemapExtentEncoded = 0x8
	fiemapExtentInline  = 0x200
	fiemapExtentShared  = 0x2000

	// Most files of a target directory have fewer; a file compressed with zstd
	// has one for each 128 KiB.
	extentsPerCall = 128
)

// Extents calls visit for each extent of f in order. What is not yet written to
// disk is written first, since it has no place before. An error of visit ends the
// visit and is returned as it is.
func Extents(f *os.File, visit func(Extent) error) error {
	return extents(f, fiemapFlagSync, visit)
}

// SettledExtents is Extents of a file that nobody has written to since it was last
// synced, as those of a sealed tree: it waits for nothing.
func SettledExtents(f *os.File, visit func(Extent) error) error { return extents(f, 0, visit) }

var fiemaps = sync.Pool{New: func() any { return new(fiemap) }}

func extents(f *os.File, flags uint32, visit func(Extent) error) error {
	m := fiemaps.Get().(*fiemap)
	defer fiemaps.Put(m)
	for start := uint64(0); ; {
		m.start, m.length, m.flags, m.mapped, m.extentCount = start, ^uint64(0)-start, flags, 0, extentsPerCall
		if err := ioctlFiemap(f, m); err != nil {
			return fmt.Errorf("map extents of %s: %w", f.Name(), err)
		}
		if m.mapped == 0 {
			return nil
		}
		for _, e := range m.extents[:min(m.mapped, extentsPerCall)] {
			err := visit(Extent{
				Logical: e.logical, Physical: e.physical, Length: e.length,
				Shared: e.flags&fiemapExtentShared != 0,
				Inline: e.flags&fiemapExtentInline != 0, Encoded: e.flags&fiemapExtentEncoded != 0,
			})
			if err != nil {
				return err
			}
			if e.flags&fiemapExtentLast != 0 {
				return nil
			}
			start = e.logical + e.length
		}
	}
}

func ioctlFiemap(f *os.File, m *fiemap) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fsIocFiemap, uintptr(unsafe.Pointer(m)))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// Usage is space in bytes, before compression.
type Usage struct{ Shared, Exclusive int64 }

// FileUsage sums the extents of f by whether they are shared. Btrfs and XFS know
// that; on most other file systems either this fails or all is exclusive. What lies in
// metadata is neither: a clone has its own of it, and no block of data is freed with it.
func FileUsage(f *os.File) (Usage, error) {
	var u Usage
	err := Extents(f, func(e Extent) error {
		switch {
		case e.Inline:
		case e.Shared:
			u.Shared += int64(e.Length)
		default:
			u.Exclusive += int64(e.Length)
		}
		return nil
	})
	return u, err
}
