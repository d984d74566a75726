package reflink

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// copyContent writes the content of src, which info describes, into the empty file
// dst. Holes stay holes: a file that was made by truncating and seeking, such as a
// coverage map of a gigabyte, takes no more space than before. What is appended to
// src meanwhile is not taken along, and of a file that is cut off meanwhile only
// what was read before.
func copyContent(ctx context.Context, dst, src *os.File, info os.FileInfo) error {
	size := info.Size()
	buf := make([]byte, min(128<<10, size+1)) // one read fills a whole extent of a compressed file
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Blocks*512 >= size {
		return copyRange(ctx, dst, src, 0, size, buf)
	}
	for at := int64(0); at < size; {
		data, hole, err := nextData(src, at, size)
		if err != nil {
			return err
		}
		if data < hole {
			if err := copyRange(ctx, dst, src, data, hole, buf); err != nil {
				return err
			}
		}
		at = hole
	}
	now, err := src.Stat()
	if err != nil {
		return err
	}
	return dst.Truncate(min(size, now.Size()))
}

// nextData returns where the first data at or after at begins and ends. A file
// system that does not know holes has data everywhere.
func nextData(f *os.File, at, size int64) (data, hole int64, err error) {
	data, err = f.Seek(at, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return size, size, nil
	case errors.Is(err, unix.EINVAL):
		return at, size, nil
	case err != nil:
		return 0, 0, err
	}
	hole, err = f.Seek(data, unix.SEEK_HOLE)
	if errors.Is(err, unix.ENXIO) { // cut off meanwhile
		return size, size, nil
	}
	if err != nil {
		return 0, 0, err
	}
	return min(data, size), min(hole, size), nil
}

// copyRange copies the bytes from start to end. Files handed to io.Copy as they are
// would be cloned behind our back, by copy_file_range.
func copyRange(ctx context.Context, dst, src *os.File, start, end int64, buf []byte) error {
	w := io.NewOffsetWriter(dst, start)
	r := &contextReader{ctx, io.NewSectionReader(src, start, end-start)}
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, r, buf)
	return err
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
