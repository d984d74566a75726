// Package atomicfile replaces small files so that at any time a reader finds the
// whole old or the whole new content; with Write and WriteWhole also after a power cut. What is
// replaced is the name: other names of the old file keep what they had. Writers of one
// file may run at once: one of them wins, nothing is mixed.
package atomicfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// TempPrefix begins the names of the files that are beside a path while it is
// replaced. Left over after a crash, they are garbage.
const TempPrefix = paths.TempPrefix

// Write makes data the content of the file path, with exactly the permissions
// perm, and is durable on return. On an error before the rename path is what it
// was; if only the last step failed, the sync of the directory, it is new already.
func Write(path string, data []byte, perm fs.FileMode) error {
	if err := WriteWhole(path, data, perm); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	return failed(path, err)
}

// WriteWhole is Write without waiting for the name: a power cut soon after may leave the
// old content or the new, and nothing else.
func WriteWhole(path string, data []byte, perm fs.FileMode) error {
	return failed(path, replace(path, data, 0o600, func(f *os.File) error { return errors.Join(f.Chmod(perm), f.Sync()) }))
}

// WriteUnsynced is Write without waiting for the disk, for what can be made again, by
// readers who tell what is whole: a power cut soon after may leave the old content, the
// new, an empty file, or zeros, of the length of the new.
func WriteUnsynced(path string, data []byte, perm fs.FileMode) error {
	return failed(path, replace(path, data, 0o600, func(f *os.File) error { return f.Chmod(perm) }))
}

// Replace is WriteUnsynced with the permissions of any new file, those that the umask
// leaves: for what other programs have written or read, such as a build's.
func Replace(path string, data []byte) error {
	return failed(path, replace(path, data, 0o666, func(*os.File) error { return nil }))
}

func replace(path string, data []byte, perm fs.FileMode, finish func(*os.File) error) error {
	f, err := create(path, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = finish(f)
	}
	// A close that fails may be a write that failed.
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// create makes a file beside path. Unlike os.CreateTemp it can leave the permissions
// to the umask, which nobody can ask for without changing it.
func create(path string, perm fs.FileMode) (*os.File, error) {
	var f *os.File
	err := fs.ErrExist
	for tries := 0; tries < 1000 && errors.Is(err, fs.ErrExist); tries++ {
		f, err = os.OpenFile(TempName(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	}
	return f, err
}

// MakeDir makes a directory of this program's own unless it is there. What else has the
// name gives way: through a link, which a commit can bring, all that is written into the
// directory would be written wherever that leads.
func MakeDir(path string) error {
	err := os.Mkdir(path, 0o777)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if fi, err := os.Lstat(path); err != nil || fi.IsDir() {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.Mkdir(path, 0o777)
}

// Create makes the file path, or an empty one in its place, under which nobody has
// written before: what has the name, a link above all, is removed and not followed.
func Create(path string, perm fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
}

// TempName is a name of nobody's beside path.
func TempName(path string) string {
	return filepath.Join(filepath.Dir(path), TempPrefix+strconv.FormatUint(random(), 36))
}

func failed(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// TempSuffix ends the name of something that is being made, which nobody else makes
// under the same name.
func TempSuffix() string {
	return fmt.Sprintf("%08x", uint32(random()))
}

func random() uint64 {
	var b [8]byte
	// It cannot fail with so few bytes; without any, who makes a file finds out.
	_, _ = unix.Getrandom(b[:], 0)
	return binary.NativeEndian.Uint64(b[:])
}
