package warehouse

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// Answer is a record that holds, with its files, which are open: what prune removes
// meanwhile can still be materialized. It must be closed.
type Answer struct {
	*rustc.Record
	dir     string
	sources []source // as Files
	from    *Warehouse
}

// source is where a file of an answer lies: open, or under a name of this build
// directory's.
type source struct {
	file     *os.File
	existing string      // in the answer's dir, or linked to there
	atOrigin os.FileInfo // of a file in another build directory, which can be written to
}

// Close gives the files back.
func (a *Answer) Close() {
	for _, f := range a.sources {
		if f.file != nil {
			f.file.Close()
		}
	}
}

// openSources opens the files of an answer, and names the first that is gone.
func (w *Warehouse) openSources(a *Answer) (gone string) {
	for _, f := range a.Files {
		at, ok := w.findSource(a, f)
		if !ok {
			return f.Name
		}
		a.sources = append(a.sources, at)
	}
	return ""
}

func (w *Warehouse) findSource(a *Answer, f rustc.File) (source, bool) {
	if file, err := w.openStored(a.Record, f); err == nil {
		return source{file: file}, true
	}
	for _, path := range outputPaths(a.dir, f.Name) {
		if isIntact(path, f) {
			return source{existing: path}, true
		}
	}
	file, made := openAtOrigin(a.Record, f)
	return source{file: file, atOrigin: made}, file != nil
}

// settleTime is how long a file must have been left alone before it is taken from a
// build directory: the clock that files are stamped with goes on every 1 to 10 ms
// (CONFIG_HZ), and whoever writes it from now on has to leave another time.
const settleTime = 20 * time.Millisecond

// openAtOrigin opens a file in the build directory where it was made, if it is still what
// it was. What it returns beside it tells later whether anybody has written it since.
func openAtOrigin(rec *rustc.Record, f rustc.File) (*os.File, os.FileInfo) {
	for _, path := range originPaths(rec, f) {
		file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if info, err := file.Stat(); err == nil && time.Since(changeTime(info)) > settleTime && isIntact(path, f) {
			if now, err := os.Lstat(path); err == nil && os.SameFile(now, info) && changeTime(now).Equal(changeTime(info)) {
				return file, info
			}
		}
		file.Close()
	}
	return nil, nil
}

// changeTime is when a file was last written or touched, which nobody can set.
func changeTime(info os.FileInfo) time.Time {
	return time.Unix(info.Sys().(*syscall.Stat_t).Ctim.Unix())
}

// isIntact reports whether a path is that of a file. It is read: others than the
// warehouse may have written it.
func isIntact(path string, f rustc.File) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size || info.Mode().Perm() != f.Mode {
		return false
	}
	digest, _, err := rustc.Digest(path)
	return err == nil && digest == f.Digest
}

// Materialize puts the files where the call wants them, each a file of its own that
// shares its content where the file system can. What has their names there is removed
// first, never written to: other names may be linked to it. A file that is there
// already stays, and gets the time of the others. The error is a Miss. cloned tells
// that all content that may be shared is.
//
// What is copied is compared with its name. Nobody waits for the disk when a file is kept,
// and on ext4 one may be zeros after a power cut, of the length that it was to have. Where
// content is shared, no file has a length before it has its content.
func (a *Answer) Materialize(ctx context.Context) (cloned bool, err error) {
	cloned = true
	for i, f := range a.Files {
		path, shared := filepath.Join(a.dir, f.Name), true
		if at := a.sources[i]; at.existing != "" {
			err = reuse(at.existing, path)
		} else if shared, err = copyFile(ctx, a.from.copier, at.file, path, f.Mode); err == nil && at.atOrigin != nil {
			err = checkUnchanged(at.file, at.atOrigin)
		}
		if err == nil && !shared && !isIntact(path, f) {
			a.from.dropDamaged(f)
			return false, &Miss{FilesGone, f.Name + " was damaged"}
		}
		if err != nil {
			return false, &Miss{NotMaterialized, err.Error()}
		}
		cloned = cloned && (shared || f.Size <= reflink.InlineMax)
	}
	return cloned, nil
}

// dropDamaged removes a loose file that is not what its name says, so that what is compiled
// now takes its place.
func (w *Warehouse) dropDamaged(f rustc.File) {
	_, _ = w.removeIf(w.loose(f.Digest), func(away string, _ fs.FileInfo) bool {
		digest, _, err := rustc.Digest(away)
		return err == nil && digest != f.Digest
	})
}

// checkUnchanged is an error if a file was written or touched since.
func checkUnchanged(file *os.File, since os.FileInfo) error {
	now, err := file.Stat()
	if err == nil && !changeTime(now).Equal(changeTime(since)) {
		err = errors.New("written meanwhile: " + file.Name())
	}
	return err
}

// reuse has a file that is there already under the name it is to have, with the time of
// one that was just written.
func reuse(own, path string) error {
	if own != path {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Link(own, path); err != nil {
			return err
		}
	}
	return touchNow(path)
}

// utimeNow has the kernel give the time of its own clock for files (utimensat(2)).
// The process's is some ms ahead of it: what depends on the file, and is written next,
// would be older to cargo.
const utimeNow = 1<<30 - 1

func touchNow(path string) error {
	now := syscall.Timespec{Nsec: utimeNow}
	if err := syscall.UtimesNano(path, []syscall.Timespec{now, now}); err != nil {
		return &fs.PathError{Op: "touch", Path: path, Err: err}
	}
	return nil
}

func copyFile(ctx context.Context, copier *reflink.Copier, from *os.File, path string, mode fs.FileMode) (shared bool, err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode|0o200)
	if err != nil {
		return false, err
	}
	shared, err = copier.File(ctx, to, from)
	if err == nil {
		err = to.Chmod(mode) // whatever the umask is
	}
	return shared, errors.Join(err, to.Close())
}
