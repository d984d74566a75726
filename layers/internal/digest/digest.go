// Package digest says what the content of a file is, in 128 bits of BLAKE3 as hex
// digits, and when it can last have been another. All digests of content are its:
// those in manifests, in records of the warehouse and in the names of what they are
// kept under compare equal wherever they come from.
//
// It is on the way of every call of the compiler, for each source. Everything may be
// called concurrently, but for the methods of one Hash.
package digest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/zeebo/blake3"
)

// Size of a digest in bytes: 128 bits are enough against chance, which is all that a
// source tree of one's own can bring.
const Size = 16

// Of returns the digest of a content.
func Of(content []byte) string {
	sum := blake3.Sum256(content)
	return text(sum)
}

// OfText returns the digest of a text.
func OfText(text string) string { return Of([]byte(text)) }

// Is reports whether s is written as a digest is.
func Is(s string) bool {
	if len(s) != 2*Size {
		return false
	}
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

// text writes a digest in hex. (encoding/hex would be one package more for a program that
// starts for each unit.)
func text(sum [32]byte) string { return fmt.Sprintf("%x", sum[:Size]) }

// A Hash takes a content in parts. The zero value is not one; New makes it.
type Hash struct{ *blake3.Hasher }

// New returns the Hash of nothing yet.
func New() Hash { return Hash{blake3.New()} }

// Digest returns the digest of what was written so far.
func (h Hash) Digest() string {
	var sum [32]byte
	h.Sum(sum[:0])
	return text(sum)
}

// A File is what was found at a path.
type File struct {
	Digest string
	Size   int64 // in bytes, of what was read
	// Changed is when the content can last have been another: the later of the time
	// of the file, which anybody can set, and that of its inode, which nobody can.
	// Both were asked for after the content was read, of the same open file: what was
	// written before is in the digest, what is written later shows in a later time.
	Changed time.Time
}

// OfFile reads a file. Links are followed. What is no regular file, such as a pipe, is
// an error: reading it might never end.
func OfFile(path string) (File, error) {
	f, err := open(path)
	if err != nil {
		return File{}, err
	}
	defer f.close()
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	n, err := f.fill(buf[:])
	if err != nil {
		return File{}, err
	}
	if n < len(buf) { // as of nearly all sources: a Hash would be another allocation
		changed, err := f.changed()
		return File{Of(buf[:n]), int64(n), changed}, err
	}
	h := New()
	size := int64(0)
	for n > 0 {
		size += int64(n)
		h.Write(buf[:n])
		if n, err = f.fill(buf[:]); err != nil {
			return File{}, err
		}
	}
	changed, err := f.changed()
	return File{h.Digest(), size, changed}, err
}

const bufferSize = 128 << 10

// buffers are used again: fresh memory costs a fault for each page.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Read returns a file's content, and when it can last have been another, as File has
// it. What OfFile does not read is an error here, too.
func Read(path string) (content []byte, changed time.Time, err error) {
	f, err := open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.close()
	content = make([]byte, 0, f.size+1)
	for {
		if len(content) == cap(content) {
			content = slices.Grow(content, bufferSize)
		}
		n, err := f.read(content[len(content):cap(content)])
		if err != nil {
			return nil, time.Time{}, err
		}
		if n == 0 {
			break
		}
		content = content[:len(content)+n]
	}
	if changed, err = f.changed(); err != nil {
		return nil, time.Time{}, err
	}
	return content, changed, nil
}

// file is a regular file that is read. An os.File costs five more calls of the
// kernel, for a poller that regular files have no use for: with the 56 sources of a
// middling crate that was a third of a call that is answered (measured).
type file struct {
	fd   int
	path string
	size int64 // when it was opened
}

func open(path string) (*file, error) {
	// O_NONBLOCK: a pipe among the sources must not hang us.
	fd, err := retry(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := &file{fd: fd, path: path}
	var st syscall.Stat_t
	if err = syscall.Fstat(fd, &st); err == nil && st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		err = errors.New("not a regular file")
	}
	if err != nil {
		f.close()
		return nil, f.failed(err)
	}
	f.size = st.Size
	return f, nil
}

func (f *file) read(b []byte) (int, error) {
	n, err := retry(func() (int, error) { return syscall.Read(f.fd, b) })
	if err != nil {
		return 0, f.failed(err)
	}
	return n, nil
}

// fill reads as much as there is room or file for.
func (f *file) fill(b []byte) (n int, err error) {
	for n < len(b) {
		more, err := f.read(b[n:])
		if err != nil {
			return n, err
		}
		if more == 0 {
			break
		}
		n += more
	}
	return n, nil
}

func (f *file) changed() (time.Time, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(f.fd, &st); err != nil {
		return time.Time{}, f.failed(err)
	}
	return Changed(&st), nil
}

func (f *file) close() { _ = syscall.Close(f.fd) }

func (f *file) failed(err error) error { return &fs.PathError{Op: "read", Path: f.path, Err: err} }

// Changed is when what st is of can last have been another, as File has it.
func Changed(st *syscall.Stat_t) time.Time {
	t, c := time.Unix(st.Mtim.Unix()), time.Unix(st.Ctim.Unix())
	if c.After(t) {
		return c
	}
	return t
}

// retry repeats a call that a signal has interrupted: Go's runtime sends itself
// some.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
