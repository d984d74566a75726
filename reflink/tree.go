package reflink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Options say how CopyTree works. The zero value clones what can be cloned and
// leaves nothing out.
type Options struct {
	Mode Mode
	// Skip, unless nil, is asked for every entry, by its path relative to the
	// source; an entry for which it returns true is left out, a directory with all
	// that is in it. It is called from one goroutine.
	Skip func(rel string, d fs.DirEntry) bool
	// LeftOut, unless nil, is told of every entry that cannot be copied, by its path
	// relative to the source, and why: sockets, pipes and devices ([ErrSpecial]), and
	// what the caller may not read. It is left out then, a directory with all that is
	// in it. It may be called from several goroutines at once.
	LeftOut func(rel string, why error)
}

// ErrSpecial says that something is neither file, directory nor symbolic link.
var ErrSpecial = errors.New("neither file, directory nor symbolic link")

// Stats count what CopyTree has done. Directories, symbolic links and further
// links to a file are not counted.
type Stats struct {
	Files       int   // Cloned + Copied
	Cloned      int   // files that share the extents of their source
	Copied      int   // files with extents of their own
	ClonedBytes int64 // sum of the sizes of the cloned files
	CopiedBytes int64 // sum of the sizes of the copied files
}

// CopyTree copies what is in the directory src into the directory dst, which is
// made if it does not exist. Directories that exist in dst are merged; any other
// name that exists is an error matching [io/fs.ErrExist].
//
// It keeps contents, modes, access and modification times to the nanosecond,
// symbolic links as they are, hard links within the tree, and as far as allowed
// the extended attributes "user.*"; also those of src itself, on dst. New files
// belong to the caller. Holes in files stay holes. A socket, pipe or device is an
// error, and so is what may not be read, unless Options.LeftOut is there to be told
// of it. It works on GOMAXPROCS files at a time.
//
// After an error dst holds a part of the tree. The stats count what was done.
func CopyTree(ctx context.Context, dst, src string, opts Options) (Stats, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	source, err := openSource(src)
	if err != nil {
		return Stats{}, fmt.Errorf("copy tree %s to %s: %w", src, dst, err)
	}
	defer source.close()
	t := &treeCopy{
		ctx: ctx, src: source, dst: dst, opts: opts,
		copier: NewCopier(opts.Mode),
		queue:  make(chan string, 256), // enough that the walk runs ahead of the workers
		first:  map[inode]string{},
	}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for rel := range t.queue {
				if ctx.Err() != nil {
					continue
				}
				if err := t.file(rel); err != nil {
					cancel(err)
				}
			}
		})
	}
	if err := t.walk(); err != nil {
		cancel(err)
	}
	close(t.queue)
	workers.Wait()
	err = context.Cause(ctx)
	if err == nil {
		err = t.finish()
	}
	if err != nil {
		return t.stats, fmt.Errorf("copy tree %s to %s: %w", src, dst, err)
	}
	return t.stats, nil
}

type inode struct{ dev, ino uint64 }

type treeCopy struct {
	ctx    context.Context
	src    *source
	dst    string
	opts   Options
	copier *Copier
	queue  chan string

	// Of the walking goroutine.
	dirs  []string         // in the order of the walk: parents first
	first map[inode]string // the first name of each file with several links
	links [][2]string      // further name, first name

	mu    sync.Mutex
	stats Stats // guarded by mu
}

func (t *treeCopy) from(rel string) string { return join(t.src.dir, rel) }
func (t *treeCopy) to(rel string) string   { return join(t.dst, rel) }

// walk makes the directories and symbolic links and queues the files.
func (t *treeCopy) walk() error {
	if err := t.mkdir(""); err != nil {
		return err
	}
	// The list of directories is also the queue of those yet to be read.
	for i := 0; i < len(t.dirs); i++ {
		if err := t.readDir(t.dirs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *treeCopy) readDir(rel string) error {
	dir, err := t.src.open(rel, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, d := range entries {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		name := d.Name()
		if rel != "" {
			name = rel + "/" + name
		}
		if t.opts.Skip != nil && t.opts.Skip(name, d) {
			continue
		}
		switch {
		case max(len(t.from(name)), len(t.to(name))) >= unix.PathMax:
			err = t.leaveOut(name, &fs.PathError{Op: "copy", Path: t.from(name), Err: unix.ENAMETOOLONG})
		case d.Type() == fs.ModeDir:
			err = t.dir(name, dir)
		case d.Type() == fs.ModeSymlink:
			err = t.symlink(name, dir)
		case d.Type() == 0:
			err = t.enqueue(name, dir)
		default:
			err = t.leaveOut(name, fmt.Errorf("copy %s: %w (%s)", t.from(name), ErrSpecial, d.Type()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leaveOut returns err unless somebody is there to be told.
func (t *treeCopy) leaveOut(rel string, err error) error {
	if t.opts.LeftOut == nil {
		return err
	}
	t.opts.LeftOut(rel, err)
	return nil
}

// dir makes a directory that can be listed; parent is the one that it is in.
func (t *treeCopy) dir(rel string, parent *os.File) error {
	err := unix.Faccessat(int(parent.Fd()), path.Base(rel), unix.R_OK|unix.X_OK, unix.AT_EACCESS)
	if errors.Is(err, fs.ErrPermission) {
		return t.leaveOut(rel, &fs.PathError{Op: "list", Path: t.from(rel), Err: err})
	}
	return t.mkdir(rel)
}

func (t *treeCopy) mkdir(rel string) error {
	// Writable until finish gives it its own mode.
	err := os.Mkdir(t.to(rel), 0o700)
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := os.Lstat(t.to(rel)); statErr == nil && info.IsDir() {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	t.dirs = append(t.dirs, rel)
	return nil
}

func (t *treeCopy) symlink(rel string, parent *os.File) error {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(parent.Fd()), path.Base(rel), target)
	if err != nil {
		return &fs.PathError{Op: "readlink", Path: t.from(rel), Err: err}
	}
	if err := os.Symlink(string(target[:n]), t.to(rel)); err != nil {
		return err
	}
	st, err := t.lstat(rel, parent)
	if err != nil {
		return err
	}
	return setTimes(t.to(rel), st)
}

func (t *treeCopy) lstat(rel string, parent *os.File) (*unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(parent.Fd()), path.Base(rel), &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: t.from(rel), Err: err}
	}
	return &st, nil
}

func (t *treeCopy) enqueue(rel string, parent *os.File) error {
	st, err := t.lstat(rel, parent)
	if err != nil {
		return err
	}
	if st.Nlink > 1 {
		id := inode{st.Dev, st.Ino}
		if first, seen := t.first[id]; seen {
			t.links = append(t.links, [2]string{rel, first})
			return nil
		}
		t.first[id] = rel
	}
	select {
	case t.queue <- rel:
		return nil
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

func (t *treeCopy) file(rel string) (err error) {
	// What became a pipe since it was listed must not be waited for. That it was copied is not that somebody used it.
	src, err := t.src.open(rel, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOATIME)
	if errors.Is(err, unix.EPERM) { // O_NOATIME is for the owner only
		src, err = t.src.open(rel, os.O_RDONLY|unix.O_NONBLOCK)
	}
	if errors.Is(err, fs.ErrPermission) {
		return t.leaveOut(rel, err)
	}
	if err != nil {
		return err
	}
	defer src.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return &fs.PathError{Op: "fstat", Path: t.from(rel), Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return t.leaveOut(rel, fmt.Errorf("copy %s: %w", t.from(rel), ErrSpecial))
	}
	dst, err := os.OpenFile(t.to(rel), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	cloned, err := t.copier.File(t.ctx, dst, src)
	if err != nil {
		return err
	}
	copyAttributes(int(dst.Fd()), int(src.Fd()))
	if err := unix.Fchmod(int(dst.Fd()), st.Mode&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: t.to(rel), Err: err}
	}
	if err := setTimes(t.to(rel), &st); err != nil {
		return err
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	t.stats.Files++
	if cloned {
		t.stats.Cloned++
		t.stats.ClonedBytes += st.Size
	} else {
		t.stats.Copied++
		t.stats.CopiedBytes += st.Size
	}
	return nil
}

// finish makes the hard links, and then gives the directories their modes and
// times, children first, since each of these steps changes those of the parent.
func (t *treeCopy) finish() error {
	for _, l := range t.links {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		err := os.Link(t.to(l[1]), t.to(l[0]))
		if errors.Is(err, fs.ErrNotExist) {
			err = t.leaveOut(l[0], err) // with its first name
		}
		if err != nil {
			return err
		}
	}
	for _, rel := range slices.Backward(t.dirs) {
		if err := t.finishDir(rel); err != nil {
			return err
		}
	}
	return nil
}

func (t *treeCopy) finishDir(rel string) error {
	src, err := t.src.open(rel, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Open(t.to(rel))
	if err != nil {
		return err
	}
	defer dst.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return &fs.PathError{Op: "fstat", Path: t.from(rel), Err: err}
	}
	copyAttributes(int(dst.Fd()), int(src.Fd()))
	if err := unix.Fchmod(int(dst.Fd()), st.Mode&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: t.to(rel), Err: err}
	}
	return setTimes(t.to(rel), &st)
}

func setTimes(path string, st *unix.Stat_t) error {
	err := unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return &fs.PathError{Op: "set times", Path: path, Err: err}
	}
	return nil
}

// copyAttributes copies the attributes "user.*". Nothing this program relies on
// lies in them and many file systems have none, so failures are passed over.
func copyAttributes(dst, src int) {
	n, err := unix.Flistxattr(src, nil)
	if err != nil || n == 0 {
		return
	}
	names := make([]byte, n)
	if n, err = unix.Flistxattr(src, names); err != nil {
		return
	}
	for name := range strings.SplitSeq(string(names[:n]), "\x00") {
		if !strings.HasPrefix(name, "user.") {
			continue
		}
		value := make([]byte, 64<<10) // the limit of Linux (XATTR_SIZE_MAX)
		if n, err := unix.Fgetxattr(src, name, value); err == nil {
			unix.Fsetxattr(dst, name, value[:n], 0)
		}
	}
}

// TreeUsage sums the space of the files below dir, each file with several hard
// links once; see [FileUsage]. A file that the caller may not read counts as one that
// shares nothing, a directory as empty, and so does one whose path the kernel does not take.
func TreeUsage(ctx context.Context, dir string) (Usage, error) {
	var sum Usage
	err := walkFiles(ctx, dir, func(path string, st *unix.Stat_t) error {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NOATIME, 0)
		if errors.Is(err, unix.EPERM) { // O_NOATIME is for the owner only
			f, err = os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
		}
		if errors.Is(err, unix.EACCES) {
			sum.Exclusive += st.Blocks * 512
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		u, err := FileUsage(f)
		sum.Shared += u.Shared
		sum.Exclusive += u.Exclusive
		return err
	})
	if err != nil {
		return Usage{}, fmt.Errorf("measure %s: %w", dir, err)
	}
	return sum, nil
}

// TreeBlocks sums the bytes allocated to the files below dir as stat(2) gives
// them, each file with several hard links once. It works on every file system.
func TreeBlocks(ctx context.Context, dir string) (int64, error) {
	var sum int64
	err := walkFiles(ctx, dir, func(_ string, st *unix.Stat_t) error {
		sum += st.Blocks * 512 // always units of 512, whatever st_blksize is
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure %s: %w", dir, err)
	}
	return sum, nil
}

func walkFiles(ctx context.Context, dir string, visit func(path string, st *unix.Stat_t) error) error {
	seen := map[inode]bool{}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if (errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENAMETOOLONG)) && path != dir {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		if st.Nlink > 1 {
			id := inode{st.Dev, st.Ino}
			if seen[id] {
				return nil
			}
			seen[id] = true
		}
		return visit(path, &st)
	})
}
