package reflink

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

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
	// Not constant, so that neither compression nor deduplication makes it small.
	data := make([]byte, probeSize)
	rand.Read(data)
	if _, err := src.Write(data); err != nil {
		return false, err
	}
	if err := src.Sync(); err != nil {
		return false, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return false, err
	}
	dst := filepath.Join(to, ".tmp-probe-"+rand.Text())
	defer func() {
		if removed := os.Remove(dst); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	ok, err = NewCopier(Always).newFile(context.Background(), target{dir: unix.AT_FDCWD, name: dst, path: dst}, int(src.Fd()), &st, false)
	if errors.Is(err, ErrUnsupported) {
		return false, nil
	}
	if err != nil || !ok {
		return false, err
	}
	got, err := os.ReadFile(dst)
	return bytes.Equal(got, data), err
}
