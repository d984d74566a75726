package space

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/reflink"
)

// A Tree is a directory with all that is in it, which holds data.
type Tree struct {
	Dir string
	// Sealed: nobody writes to it, nor has since it was last synced.
	Sealed bool
}

// Measurer measures trees. What it has found of a file serves for the same file in a
// snapshot: same number, times and size mean the same data, unless something has moved the
// data of the one or the other that leaves times alone, as those do that share equal blocks or
// defragment. So one such file in 64 is measured again, and if one has been moved all are; of
// the trees measured before, whoever looks at several sees to that (Look).
//
// It is for one call at a time.
type Measurer struct {
	files map[file][]span
	mu    sync.Mutex
	off   bool // files are not what they seem
}

// file is what is the same of a file and its snapshots, and of no other.
type file struct {
	ino          uint64
	btime, ctime [2]int64
	size, blocks uint64
}

// mostFiles bounds what a Measurer remembers: some 200 MB.
const mostFiles = 1 << 20

// oneIn is which part of the files of which it is known is measured again.
const oneIn = 64

// errMoved: a file has other data than its likes.
var errMoved = errors.New("data was moved")

// Measure finds where the data of a tree lies. What the caller may not read, and what is
// removed meanwhile, is left out.
func (m *Measurer) Measure(ctx context.Context, t Tree) (*Map, error) {
	found, err := m.measure(ctx, t)
	if errors.Is(err, errMoved) {
		m.off, m.files = true, nil
		found, err = m.measure(ctx, t)
	}
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", t.Dir, err)
	}
	return found, nil
}

// MeasureFiles finds where the data of files lies.
func MeasureFiles(files []string) (*Map, error) {
	w, t := &walk{measurer: &Measurer{off: true}}, tally{}
	var disk string
	for _, path := range files {
		if err := w.file(&t, unix.AT_FDCWD, path); err != nil {
			return nil, fmt.Errorf("measure %s: %w", path, err)
		}
		if disk == "" {
			disk, _ = fileSystemOf(path)
		}
	}
	found := newMap(t.spans)
	found.disk, found.Apart, found.Small, found.Files = disk, t.apart, t.small, t.files
	return found, nil
}

func (m *Measurer) measure(ctx context.Context, t Tree) (*Map, error) {
	if m.files == nil && !m.off {
		m.files = map[file][]span{}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &walk{ctx: ctx, fail: cancel, measurer: m, sealed: t.Sealed, work: make(chan *batch, 64), seed: maphash.MakeSeed()}
	root, err := os.OpenFile(t.Dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	var fs unix.Statfs_t
	if unix.Fstatfs(int(root.Fd()), &fs) == nil && fs.Type == unix.XFS_SUPER_MAGIC {
		w.inode = xfsInode
	}
	var wg sync.WaitGroup
	results := make([]tally, min(runtime.GOMAXPROCS(0), 4))
	for i := range results {
		wg.Go(func() { w.measureBatches(&results[i]) })
	}
	disk, err := fileSystem(root)
	if err == nil {
		err = w.list(root)
	} else {
		root.Close()
	}
	close(w.work)
	wg.Wait()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	var spans []span
	total := tally{apart: w.apart}
	for _, r := range results {
		spans = append(spans, r.spans...)
		total.files, total.small, total.apart = total.files+r.files, total.small+r.small, total.apart+r.apart
		total.extents, total.placed = total.extents+r.extents, total.placed+r.placed
	}
	found := newMap(spans)
	found.disk = disk
	found.Apart, found.Small, found.Files, found.Extents, found.Placed = total.apart, total.small, total.files, total.extents, total.placed
	return found, nil
}

// xfsInode is what a file takes on XFS beside its data, in bytes (mkfs.xfs 6.1, the
// default since version 5 of the format).
const xfsInode = 512

// walk is one way through a tree. One goroutine lists directories, and some measure what
// is in them.
type walk struct {
	ctx      context.Context
	fail     context.CancelCauseFunc
	measurer *Measurer
	sealed   bool
	inode    int64
	work     chan *batch
	seed     maphash.Seed
	apart    int64  // of directories
	dev      uint64 // of the tree

	mu    sync.Mutex
	links map[uint64]bool // files of several names that were seen
}

// batch is some files of one directory.
type batch struct {
	dir   *dir
	names []string
}

// dir is a directory that is open as long as anybody needs it.
type dir struct {
	*os.File
	users atomic.Int32
}

func (d *dir) release() {
	if d.users.Add(-1) == 0 {
		d.Close()
	}
}

const batchSize = 256

// list goes through a directory and those in it, and closes it.
func (w *walk) list(f *os.File) error {
	d := &dir{File: f}
	d.users.Add(1)
	defer d.release()
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil || w.dev != 0 && st.Dev != w.dev {
		return nil // something is mounted there, or it is a tree of its own
	}
	w.dev = st.Dev
	w.apart += st.Blocks*512 + w.inode
	for {
		entries, err := f.ReadDir(batchSize)
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil // it was removed
		}
		b := &batch{dir: d}
		for _, e := range entries {
			switch {
			case e.Type().IsRegular():
				b.names = append(b.names, e.Name())
			case e.IsDir():
				fd, err := unix.Openat(int(f.Fd()), e.Name(), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
				if err != nil {
					continue
				}
				if err := w.list(os.NewFile(uintptr(fd), e.Name())); err != nil {
					return err
				}
			}
		}
		if len(b.names) > 0 {
			d.users.Add(1)
			w.work <- b
		}
		if err != nil {
			return nil
		}
	}
}

// tally is what one goroutine has found.
type tally struct {
	spans        []span
	files        int
	extents      int
	placed       int
	small, apart int64
}

func (w *walk) measureBatches(t *tally) {
	for b := range w.work {
		for _, name := range b.names {
			if w.ctx.Err() != nil {
				break
			}
			if err := w.file(t, int(b.dir.Fd()), name); err != nil {
				w.fail(err)
			}
		}
		b.dir.release()
	}
}

// file measures one file.
func (w *walk) file(t *tally, dir int, name string) error {
	var st unix.Statx_t
	const want = unix.STATX_BASIC_STATS | unix.STATX_BTIME
	if unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_STATX_DONT_SYNC, want, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	if st.Nlink > 1 && !w.first(st.Ino) {
		return nil
	}
	t.files++
	t.apart += w.inode
	if st.Size == 0 && st.Blocks == 0 {
		return nil
	}
	key := file{
		ino: st.Ino, size: st.Size, blocks: st.Blocks,
		btime: [2]int64{st.Btime.Sec, int64(st.Btime.Nsec)}, ctime: [2]int64{st.Ctime.Sec, int64(st.Ctime.Nsec)},
	}
	known, ok := w.measurer.known(key)
	if ok && maphash.Comparable(w.seed, key)%oneIn != 0 {
		t.add(known, &st)
		return nil
	}
	spans, err := w.extents(dir, name)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOTTY):
		t.apart += int64(st.Blocks) * 512 // a file system that does not tell shares nothing
		return nil
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ELOOP):
		return nil
	case err != nil:
		return err
	}
	if ok && !samePlaces(known, spans) {
		return errMoved
	}
	w.measurer.learn(key, spans)
	t.add(spans, &st)
	return nil
}

// add counts a file by where it lies.
func (t *tally) add(spans []span, st *unix.Statx_t) {
	t.spans, t.extents = append(t.spans, spans...), t.extents+piecesOf(spans)
	if len(spans) > 0 {
		t.placed++
	} else {
		t.small += int64(st.Size)
	}
}

func samePlaces(a, b []span) bool {
	return slices.EqualFunc(a, b, func(a, b span) bool { return a.at == b.at && a.length == b.length })
}

// first reports whether a file of several names is seen for the first time.
func (w *walk) first(ino uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.links == nil {
		w.links = map[uint64]bool{}
	}
	seen := w.links[ino]
	w.links[ino] = true
	return !seen
}

// extents asks the file system. What lies among its own data has none.
func (w *walk) extents(dir int, name string) ([]span, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	ask := reflink.Extents
	if w.sealed {
		ask = reflink.SettledExtents
	}
	var spans []span
	err = ask(f, func(e reflink.Extent) error {
		if !e.Inline && e.Length > 0 {
			spans = append(spans, span{at: e.Physical, length: e.Length, shared: e.Shared, packed: e.Encoded})
		}
		return nil
	})
	return spans, err
}

func (m *Measurer) known(f file) ([]span, bool) {
	if m.off {
		return nil, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	spans, ok := m.files[f]
	return spans, ok
}

func (m *Measurer) learn(f file, spans []span) {
	if m.off {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.files) < mostFiles {
		m.files[f] = spans
	}
}
