package reflink

import (
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

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

var fiemaps = sync.Pool{New: func() any { return new(fiemap) }}

// extents is Extents by FIEMAP.
func extents(f *os.File, settled bool, visit func(Extent) error) error {
	flags := uint32(fiemapFlagSync)
	if settled {
		flags = 0
	}
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
