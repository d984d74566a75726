// Package regular reads whole files that somebody else may have put there: a commit, a
// build script, another program. A link to a device, or a pipe under the name of a small
// file, would be read without end; here it is an error. So is what is too large to be
// what it is taken for.
//
// It holds no state and may be used from anywhere at once. It is on the way of every call
// of the compiler, so it imports next to nothing.
package regular

import (
	"errors"
	"io/fs"
	"syscall"
)

// Most is how many bytes a file may have: several times what the largest manifest of a
// layer takes, and little enough for any machine that compiles Rust.
const Most = 512 << 20

// The reasons for which a file is not read.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("larger than any file of its kind")
)

// Read returns the content of a regular file. Links are followed.
func Read(path string) ([]byte, error) { return readFile(path, 0) }

// ReadUnnoticed is Read, and leaves the file's access time as it is where the kernel grants
// that: to the file's owner.
func ReadUnnoticed(path string) ([]byte, error) {
	b, err := readFile(path, syscall.O_NOATIME)
	if errors.Is(err, syscall.EPERM) {
		return readFile(path, 0)
	}
	return b, err
}

func readFile(path string, flags int) ([]byte, error) {
	// Without O_NONBLOCK the opening of a pipe waits for somebody who writes.
	fd, err := retry(func() (int, error) {
		return syscall.Open(path, flags|syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd)
	b, err := read(fd)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return b, nil
}

func read(fd int) ([]byte, error) {
	var st syscall.Stat_t
	switch err := syscall.Fstat(fd, &st); {
	case err != nil:
		return nil, err
	case st.Mode&syscall.S_IFMT == syscall.S_IFDIR:
		return nil, syscall.EISDIR
	case st.Mode&syscall.S_IFMT != syscall.S_IFREG:
		return nil, ErrNotRegular
	case st.Size > Most:
		return nil, ErrTooLarge
	}
	// Files of the kernel's own tell no size; one more byte shows the end of others.
	b := make([]byte, 0, max(int(st.Size)+1, 512))
	for {
		n, err := retry(func() (int, error) { return syscall.Read(fd, b[len(b):cap(b)]) })
		switch {
		case err != nil:
			return nil, err
		case n == 0:
			return b, nil
		case len(b)+n > Most:
			return nil, ErrTooLarge
		}
		b = b[:len(b)+n]
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// retry repeats a call that a signal has interrupted: Go's runtime sends itself some.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
