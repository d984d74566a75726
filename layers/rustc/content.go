package rustc

import (
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// Absent stands for the digest of a file that is not there.
const Absent = ""

// Digest is that of a file's content and its size in bytes, as package digest has them.
func Digest(path string) (string, int64, error) {
	f, err := digest.OfFile(path)
	return f.Digest, f.Size, err
}

// exists reports whether there is something of that name.
func exists(path string) bool {
	var st syscall.Stat_t
	return syscall.Stat(path, &st) == nil
}

// digestOrAbsent is Digest for a file that need not be there.
func digestOrAbsent(path string) (string, error) {
	digest, _, err := Digest(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Absent, nil
	}
	return digest, err
}

// changedAt is when a file or a directory last was another one.
func changedAt(info fs.FileInfo) time.Time {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Now()
	}
	if info.IsDir() {
		return info.ModTime() // its ctime changes with every touch of its mode
	}
	return digest.Changed(st)
}
