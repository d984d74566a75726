package reflink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// CopyTree copies what is in the directory src into the directory dst, which is
// made if it does not exist. Directories that exist in dst are merged; any other
// name that exists is an error matching [io/fs.ErrExist].
//
// It keeps contents, modes, access and modification times to the nanosecond,
// symbolic links as they are, hard links within the tree, and as far as allowed
// the extended attributes "user.*"; also those of src itself, on dst. New files
// belong to the caller. Holes in files stay holes. A socket, pipe or device is an
// error, and so is what may not be read, unless Options.LeftOut is there to be told
// of it. It works on GOMAXPROCS files at a time, and clones the whole directory in one
// call where the system has one that keeps all this.
//
// Where data has to be copied, as Never asks for or as it cannot be cloned, and there is no
// room for all of it, that is a [RoomError], and next to nothing is made. Of a tree that
// cannot be cloned that shows with the first file.
//
// After an error dst holds a part of the tree. The stats count what was done.
func CopyTree(ctx context.Context, dst, src string, opts Options) (Stats, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if stats, done := copyWhole(ctx, cloneWhole, dst, src, opts); done {
		return stats, nil
	}
	source, err := openSource(src)
	if err != nil {
		return Stats{}, fmt.Errorf("copy tree %s to %s: %w", src, dst, err)
	}
	defer source.close()
	t := &treeCopy{
		ctx: ctx, src: source, dst: dst, opts: opts,
		copier: NewCopier(opts.Mode),
		queue:  newQueue(),
		first:  map[inode]string{},
	}
	if opts.Skip != nil { // the walk asks, and who weighs
		var one sync.Mutex
		t.opts.Skip = func(rel string, d fs.DirEntry) bool {
			one.Lock()
			defer one.Unlock()
			return opts.Skip(rel, d)
		}
	}
	t.copier.copies = t.weigh
	if opts.Told != nil {
		t.copier.told = t.tell
		defer func() { opts.Told(t.total.Load(), t.total.Load()) }()
	}
	if opts.Mode == Never {
		if err := t.copier.begin(); err != nil {
			return Stats{}, fmt.Errorf("copy tree %s to %s: %w", src, dst, err)
		}
	}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for dir, names := t.queue.take(); dir != nil; dir, names = t.queue.take() {
				if err := t.files(dir, names); err != nil {
					cancel(err)
					t.queue.end(true)
				}
				t.queue.done(dir)
			}
		})
	}
	err = t.walk()
	if err != nil {
		cancel(err)
	}
	t.queue.end(err != nil)
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

type treeCopy struct {
	ctx    context.Context
	src    *source
	dst    string
	opts   Options
	copier *Copier
	queue  *queue

	dirs []made // of the walking goroutine, in the order they are found in: parents first

	done, total atomic.Int64 // bytes to be copied

	mu    sync.Mutex
	stats Stats            // guarded by mu
	first map[inode]string // guarded by mu: the first name of each file with several links
	links [][2]string      // guarded by mu: further name, first name
}

// made is a directory of the copy.
type made struct {
	rel   string
	depth int
	st    unix.Stat_t // of its source, before that was read
}

func (t *treeCopy) from(rel string) string { return join(t.src.dir, rel) }
func (t *treeCopy) to(rel string) string   { return join(t.dst, rel) }

// weigh finds out how much is to be copied, and fails if there is no room for it.
func (t *treeCopy) weigh() error {
	if t.opts.Told == nil && plentyIn(t.dst, t.src) {
		return nil
	}
	w, err := weigh(t.ctx, t.src, t.opts.Skip)
	if err != nil {
		return err
	}
	t.total.Store(w.data)
	return checkRoom(t.dst, w)
}

func (t *treeCopy) tell(n int64) {
	total := t.total.Load()
	t.opts.Told(min(t.done.Add(n), total), total)
}

// walk makes the directories and symbolic links and queues the files.
func (t *treeCopy) walk() error {
	// The list of directories is also the queue of those yet to be made and read. They are made
	// when they are read: those who copy need not wait until thousands are.
	t.dirs = []made{{}}
	for i := 0; i < len(t.dirs); i++ {
		if err := t.readDir(i); err != nil {
			return err
		}
	}
	return nil
}

// open makes a directory, and opens both sides of it.
func (t *treeCopy) open(d *made) (*pair, error) {
	src, err := t.src.open(d.rel, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	if err := unix.Fstat(int(src.Fd()), &d.st); err != nil {
		src.Close()
		return nil, &fs.PathError{Op: "fstat", Path: t.from(d.rel), Err: err}
	}
	if err := t.mkdir(d.rel); err != nil {
		src.Close()
		return nil, err
	}
	copyAttributes(int(src.Fd()), func(name string, value []byte) { unix.Lsetxattr(t.to(d.rel), name, value, 0) })
	dst, err := openAt(unix.AT_FDCWD, t.to(d.rel), onlyToEnter|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		src.Close()
		return nil, &fs.PathError{Op: "open", Path: t.to(d.rel), Err: err}
	}
	return &pair{rel: d.rel, src: src, dst: dst}, nil
}

func (t *treeCopy) readDir(i int) error {
	dir, err := t.open(&t.dirs[i])
	if err != nil {
		return err
	}
	entries, err := readDir(dir.src)
	for _, d := range entries {
		if err != nil {
			break
		}
		err = t.entry(dir, d, t.dirs[i].depth+1)
	}
	if err != nil {
		dir.close()
		return err
	}
	t.queue.put(dir)
	return nil
}

// entry does what is to be done for something in dir, and notes what is done later.
func (t *treeCopy) entry(dir *pair, d fs.DirEntry, depth int) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	rel := below(dir.rel, d.Name())
	if t.opts.Skip != nil && t.opts.Skip(rel, d) {
		return nil
	}
	switch {
	case max(len(t.src.dir), len(t.dst))+1+len(rel) >= unix.PathMax:
		return t.leaveOut(rel, &fs.PathError{Op: "copy", Path: t.from(rel), Err: unix.ENAMETOOLONG})
	case d.Type() == fs.ModeDir:
		return t.dir(rel, depth, dir)
	case d.Type() == fs.ModeSymlink:
		return t.symlink(d.Name(), dir)
	case d.Type() == 0:
		dir.names = append(dir.names, d.Name())
		return nil
	}
	return t.leaveOut(rel, fmt.Errorf("copy %s: %w (%s)", t.from(rel), ErrSpecial, d.Type()))
}

// leaveOut returns err unless somebody is there to be told.
func (t *treeCopy) leaveOut(rel string, err error) error {
	if t.opts.LeftOut == nil {
		return err
	}
	t.opts.LeftOut(rel, err)
	return nil
}

// dir notes a directory that can be listed; parent is the one that it is in.
func (t *treeCopy) dir(rel string, depth int, parent *pair) error {
	err := unix.Faccessat(int(parent.src.Fd()), path.Base(rel), unix.R_OK|unix.X_OK, unix.AT_EACCESS)
	if errors.Is(err, fs.ErrPermission) {
		return t.leaveOut(rel, &fs.PathError{Op: "list", Path: t.from(rel), Err: err})
	}
	t.dirs = append(t.dirs, made{rel: rel, depth: depth})
	return nil
}

func (t *treeCopy) mkdir(rel string) error {
	// Writable until finish gives it its own mode.
	err := os.Mkdir(t.to(rel), 0o700)
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := os.Lstat(t.to(rel)); statErr == nil && info.IsDir() {
			err = nil
		}
	}
	return err
}

func (t *treeCopy) symlink(name string, dir *pair) error {
	rel := below(dir.rel, name)
	to := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(dir.src.Fd()), name, to)
	if err != nil {
		return &fs.PathError{Op: "readlink", Path: t.from(rel), Err: err}
	}
	if err := os.Symlink(string(to[:n]), t.to(rel)); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.src.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "lstat", Path: t.from(rel), Err: err}
	}
	return setTimes(target{dir: dir.dst, name: name, path: t.to(rel)}, &st)
}

// files copies some files of a directory. After an error, or if the copy was cancelled, it
// leaves the rest.
func (t *treeCopy) files(dir *pair, names []string) error {
	for _, name := range names {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if err := t.file(dir, name); err != nil {
			return err
		}
	}
	return nil
}

func (t *treeCopy) file(dir *pair, name string) error {
	rel := below(dir.rel, name)
	// What became a pipe since it was listed must not be waited for. That it was copied is not that somebody used it.
	const flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOFOLLOW
	src, err := openAt(int(dir.src.Fd()), name, flags|unused, 0)
	if errors.Is(err, unix.EPERM) { // that is for the owner only
		src, err = openAt(int(dir.src.Fd()), name, flags, 0)
	}
	if err != nil {
		err = &fs.PathError{Op: "open", Path: t.from(rel), Err: err}
		if errors.Is(err, fs.ErrPermission) {
			return t.leaveOut(rel, err)
		}
		return err
	}
	defer unix.Close(src)
	var st unix.Stat_t
	if err := unix.Fstat(src, &st); err != nil {
		return &fs.PathError{Op: "fstat", Path: t.from(rel), Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return t.leaveOut(rel, fmt.Errorf("copy %s: %w", t.from(rel), ErrSpecial))
	}
	if st.Nlink > 1 && t.linked(rel, inode{uint64(st.Dev), st.Ino}) {
		return nil
	}
	cloned, err := t.copier.newFile(t.ctx, target{dir.dst, name, t.to(rel), &dir.plain}, src, &st, true)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stats.count(cloned, st.Size)
	return nil
}

// linked notes a name of a file that has several, and reports whether another goes before it.
func (t *treeCopy) linked(rel string, id inode) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, seen := t.first[id]
	if seen {
		t.links = append(t.links, [2]string{rel, first})
	} else {
		t.first[id] = rel
	}
	return seen
}

// finish makes the hard links, and then gives the directories their modes and
// times, the deepest first: without its own mode the way to those below is open.
func (t *treeCopy) finish() error {
	for _, l := range t.links {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		if err := os.Link(t.to(l[1]), t.to(l[0])); err != nil {
			return err
		}
	}
	for end := len(t.dirs); end > 0; {
		begin := end - 1
		for begin > 0 && t.dirs[begin-1].depth == t.dirs[begin].depth {
			begin--
		}
		if err := t.finishDirs(t.dirs[begin:end]); err != nil {
			return err
		}
		end = begin
	}
	return nil
}

// finishDirs finishes directories none of which is in another.
func (t *treeCopy) finishDirs(dirs []made) error {
	var next atomic.Int64
	errs := make([]error, min(runtime.GOMAXPROCS(0), len(dirs)))
	var workers sync.WaitGroup
	for w := range errs {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(dirs)) && errs[w] == nil; i = next.Add(1) - 1 {
				errs[w] = t.finishDir(&dirs[i])
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

func (t *treeCopy) finishDir(d *made) error {
	dst, err := openAt(unix.AT_FDCWD, t.to(d.rel), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: t.to(d.rel), Err: err}
	}
	defer unix.Close(dst)
	if err := unix.Fchmod(dst, uint32(d.st.Mode)&0o7777); err != nil {
		return &fs.PathError{Op: "chmod", Path: t.to(d.rel), Err: err}
	}
	return setTimes(target{dir: dst, name: ".", path: t.to(d.rel)}, &d.st)
}
