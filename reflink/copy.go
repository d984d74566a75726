package reflink

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

// bufferSize is a whole extent of a compressed file of Btrfs, so that none is read twice.
const bufferSize = 128 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// kernelMin is the size from which the kernel copies by itself: below, reading once and
// writing once is quicker than what it sets up for that.
const kernelMin = 16 << 10

// atOnce is how much the kernel is asked to copy in one call, so that a cancelled copy of a
// large file ends soon, and its progress shows.
const atOnce = 8 << 20

// A transfer copies what is in one open file to another, which is empty.
type transfer struct {
	dst, src int
	kernel   bool        // the kernel may do it by itself, and share data where it can
	told     func(int64) // of each piece, unless nil
}

// content copies the content of a file that st describes. Holes stay holes: a file that
// was made by truncating and seeking, such as a coverage map of a gigabyte, takes no more
// space than before. What is appended meanwhile is not taken along, and of a file that is
// cut off meanwhile only what was read before.
func (t *transfer) content(ctx context.Context, st *unix.Stat_t) error {
	if st.Blocks*512 >= st.Size {
		return t.span(ctx, 0, st.Size)
	}
	for at := int64(0); at < st.Size; {
		data, hole, err := nextData(t.src, at, st.Size)
		if err != nil {
			return err
		}
		if data < hole {
			if err := t.span(ctx, data, hole); err != nil {
				return err
			}
		}
		at = hole
	}
	var now unix.Stat_t
	if err := unix.Fstat(t.src, &now); err != nil {
		return err
	}
	return unix.Ftruncate(t.dst, min(st.Size, now.Size))
}

// nextData returns where the first data at or after at begins and ends. A file
// system that does not know holes has data everywhere.
func nextData(f int, at, size int64) (data, hole int64, err error) {
	data, err = unix.Seek(f, at, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return size, size, nil
	case errors.Is(err, unix.EINVAL):
		return at, size, nil
	case err != nil:
		return 0, 0, err
	}
	hole, err = unix.Seek(f, data, unix.SEEK_HOLE)
	if errors.Is(err, unix.ENXIO) { // cut off meanwhile
		return size, size, nil
	}
	if err != nil {
		return 0, 0, err
	}
	return min(data, size), min(hole, size), nil
}

// span copies the bytes from start to end.
func (t *transfer) span(ctx context.Context, start, end int64) error {
	for start < end {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := t.piece(start, min(end-start, atOnce))
		if err != nil {
			return err
		}
		if n == 0 { // cut off
			return nil
		}
		if t.told != nil {
			t.told(n)
		}
		start += n
	}
	return nil
}

// piece copies at most n bytes, and returns how many; none where the file ends.
func (t *transfer) piece(at, n int64) (int64, error) {
	if t.kernel && n >= kernelMin {
		done, err := copyInKernel(t.dst, t.src, at, n)
		if err == nil && done > 0 {
			return done, nil
		}
		// Whatever it was, reading and writing works, or says what does not.
		t.kernel = false
	}
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	read, err := again(func() (int, error) { return unix.Pread(t.src, buf[:min(n, bufferSize)], at) })
	if err != nil {
		return 0, err
	}
	for done := 0; done < read; {
		n, err := again(func() (int, error) { return unix.Pwrite(t.dst, buf[done:read], at+int64(done)) })
		if err != nil {
			return 0, err
		}
		done += n
	}
	return int64(read), nil
}
