package faultdisk

import "slices"

const pageSize = 4096

// A page is never changed once it is in an image.
type page [pageSize]byte

var zeros page

// An image is the content of a disk; a page that is nil has zeros.
type image []*page

func newImage(size int64) image { return make(image, size/pageSize) }

func (m image) size() int64 { return int64(len(m)) * pageSize }

func (m image) clone() image { return slices.Clone(m) }

// read fills b, which lies in the image as a whole.
func (m image) read(b []byte, off int64) {
	for len(b) > 0 {
		from := &zeros
		if p := m[off/pageSize]; p != nil {
			from = p
		}
		n := copy(b, from[off%pageSize:])
		b, off = b[n:], off+int64(n)
	}
}

// write puts b, which lies in the image as a whole. The image keeps b: nobody may change
// it afterwards.
func (m image) write(b []byte, off int64) {
	for len(b) > 0 {
		at, n := off%pageSize, min(len(b), int(pageSize-off%pageSize))
		if n == pageSize {
			m[off/pageSize] = (*page)(b)
		} else {
			m.patch(off/pageSize, int(at), b[:n])
		}
		b, off = b[n:], off+int64(n)
	}
}

// zero puts n zeros.
func (m image) zero(off, n int64) {
	for n > 0 {
		at, part := off%pageSize, min(n, pageSize-off%pageSize)
		if part == pageSize {
			m[off/pageSize] = nil
		} else {
			m.patch(off/pageSize, int(at), zeros[:part])
		}
		n, off = n-part, off+part
	}
}

func (m image) patch(index int64, at int, b []byte) {
	changed := new(page)
	if p := m[index]; p != nil {
		*changed = *p
	}
	copy(changed[at:], b)
	m[index] = changed
}
