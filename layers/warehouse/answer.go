package warehouse

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// Answer is a record that holds, with its files, which are open: what prune removes
// meanwhile can still be placed. It must be closed.
type Answer struct {
	*rustc.Record
	dir    string
	found  []found // as Files
	copier *reflink.Copier
}

// found is where a file of an answer lies: open, or under a name of this build
// directory's.
type found struct {
	file *os.File
	own  string      // in the answer's dir, or linked to there
	made os.FileInfo // of a file in another build directory, which can be written to
}

// Close gives the files back.
func (a *Answer) Close() {
	for _, f := range a.found {
		if f.file != nil {
			f.file.Close()
		}
	}
}

// openAll opens the files of an answer, and names the first that is gone.
func (w *Warehouse) openAll(a *Answer) (gone string) {
	for _, f := range a.Files {
		at, ok := w.find(a, f)
		if !ok {
			return f.Name
		}
		a.found = append(a.found, at)
	}
	return ""
}

func (w *Warehouse) find(a *Answer, f rustc.File) (found, bool) {
	if file, err := w.open(a.Record, f); err == nil {
		return found{file: file}, true
	}
	for _, path := range ownPaths(a.dir, f.Name) {
		if lies(path, f) {
			return found{own: path}, true
		}
	}
	file, made := openMade(a.Record, f)
	return found{file: file, made: made}, file != nil
}

// settled is for how long nothing may have written a file that is about to be taken
// from a build directory: the clock that files are stamped with goes on every 1 to
// 10 ms (CONFIG_HZ), and who writes it from now on has to leave another time.
const settled = 20 * time.Millisecond

// openMade opens a file in the build directory where it was made, if it is still what
// it was, and returns by what to tell that nobody has written it since.
func openMade(rec *rustc.Record, f rustc.File) (*os.File, os.FileInfo) {
	for _, path := range builtPaths(rec, f) {
		file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if info, err := file.Stat(); err == nil && time.Since(written(info)) > settled && lies(path, f) {
			if now, err := os.Lstat(path); err == nil && os.SameFile(now, info) && written(now).Equal(written(info)) {
				return file, info
			}
		}
		file.Close()
	}
	return nil, nil
}

// builtPaths are where a file may lie in the build directory where it was made, if
// the unit's mark there says that nothing else was made since.
func builtPaths(rec *rustc.Record, f rustc.File) []string {
	mark, err := rustc.ReadTrailer(filepath.Join(rec.OutDir, f.Name))
	if err != nil || mark.Key != rec.Key {
		return nil
	}
	return ownPaths(rec.OutDir, f.Name)
}

// written is when a file was last written or touched, which nobody can set.
func written(info os.FileInfo) time.Time {
	return time.Unix(info.Sys().(*syscall.Stat_t).Ctim.Unix())
}

// mostLevels is how far below its profile's directory cargo puts an output:
// build/PACKAGE/HASH/out in the layout with a directory for each unit.
const mostLevels = 4

// ownPaths are where a file may lie that was an output in dir. Before cargo compiles
// a library or a program it removes the old one (cargo 1.95, compiler/mod.rs: rustc),
// but not the link that it has made to it, without the digest in its name: in the
// profile's directory, for a program with the name that its manifest has.
func ownPaths(dir, name string) []string {
	list := []string{filepath.Join(dir, name)}
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	i := strings.LastIndexByte(stem, '-')
	if i < 0 || ext == ".rmeta" {
		return list
	}
	for range mostLevels + 1 {
		list = append(list, filepath.Join(dir, stem[:i]+ext))
		if dashes := strings.ReplaceAll(stem[:i], "_", "-"); ext == "" && dashes != stem[:i] {
			list = append(list, filepath.Join(dir, dashes))
		}
		dir = filepath.Dir(dir)
	}
	return list
}

// lies reports whether a path is that of a file. It is read: others than the
// warehouse may have written it.
func lies(path string, f rustc.File) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size || info.Mode().Perm() != f.Mode {
		return false
	}
	digest, _, err := rustc.Digest(path)
	return err == nil && digest == f.Digest
}

// Place puts the files where they are to be, each a file of its own that shares its
// content where that can be. What has their names there is removed first, never
// written to: other names may be linked to it. What is there already stays, and is
// as young as the others. The error is a Miss. cloned tells that all content that
// may be shared is.
func (a *Answer) Place(ctx context.Context) (cloned bool, err error) {
	cloned = true
	for i, f := range a.Files {
		path, shared := filepath.Join(a.dir, f.Name), true
		if at := a.found[i]; at.own != "" {
			err = keep(at.own, path)
		} else if shared, err = place(ctx, a.copier, at.file, path, f.Mode); err == nil && at.made != nil {
			err = unwritten(at.file, at.made)
		}
		if err != nil {
			return false, &Miss{NotPossible, err.Error()}
		}
		cloned = cloned && (shared || f.Size <= reflink.InlineMax)
	}
	return cloned, nil
}

// unwritten is an error if a file was written or touched since.
func unwritten(file *os.File, since os.FileInfo) error {
	now, err := file.Stat()
	if err == nil && !written(now).Equal(written(since)) {
		err = errors.New("written meanwhile: " + file.Name())
	}
	return err
}

// keep has a file that is there already under the name it is to have, with the time of
// one that was just written.
func keep(own, path string) error {
	if own != path {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Link(own, path); err != nil {
			return err
		}
	}
	return stamp(path)
}

// utimeNow has the kernel give the time of its own clock for files (utimensat(2)).
// The process's is some ms ahead of it: what depends on the file, and is written next,
// would be older to cargo.
const utimeNow = 1<<30 - 1

func stamp(path string) error {
	now := syscall.Timespec{Nsec: utimeNow}
	if err := syscall.UtimesNano(path, []syscall.Timespec{now, now}); err != nil {
		return &fs.PathError{Op: "touch", Path: path, Err: err}
	}
	return nil
}

func place(ctx context.Context, copier *reflink.Copier, from *os.File, path string, mode fs.FileMode) (shared bool, err error) {
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

// open finds a file of a record, loose or in a layer.
func (w *Warehouse) open(rec *rustc.Record, f rustc.File) (*os.File, error) {
	var err error
	for _, path := range w.paths(rec, f) {
		var file *os.File
		// A pipe of that name would hold the build up for ever.
		if file, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
			continue
		}
		// One of another length was being written when the power went.
		if info, statErr := file.Stat(); statErr == nil && info.Mode().IsRegular() && info.Size() == f.Size {
			return file, nil
		}
		file.Close()
		err = fs.ErrNotExist
	}
	return nil, err
}
