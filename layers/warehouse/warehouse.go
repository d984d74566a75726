// Package warehouse keeps what single runs of rustc have written: units by what
// decided them, and their files by content. A unit's files lie loose in the
// warehouse or in layers of the same store; either serves.
//
// Everything in it can be lost: whoever finds less than he looks for has a miss,
// with a reason, and compiles. There is no lock, no database and no process behind
// it. Any number of processes may read and write at once; what is written shows
// itself whole or not at all, and equal writers write the same.
package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// Below the store, and below Dir.
const (
	Dir      = "warehouse"
	unitsDir = "units"
	filesDir = "files"
)

// mostVariants bounds how many states of one unit are remembered: those used
// last. A record takes some 10 kB and is read only if its request is the one asked
// for.
const mostVariants = 64

// touchAfter is how old the note of a last use may become before it is written
// again. A sweep spares what was used within a multiple of it.
const touchAfter = 10 * time.Minute

// Warehouse is that of one store.
type Warehouse struct {
	store, dir string
	copier     *reflink.Copier
}

// In returns the warehouse of a store, which need not be there yet.
func In(store string) *Warehouse {
	return &Warehouse{store: store, dir: filepath.Join(store, Dir), copier: reflink.NewCopier(reflink.Auto)}
}

// Dir is where the warehouse is.
func (w *Warehouse) Dir() string { return w.dir }

// Miss is why a unit was not found. Reason is one of few; Detail says what it is
// about this unit.
type Miss struct{ Reason, Detail string }

func (m *Miss) Error() string {
	if m.Detail == "" {
		return m.Reason
	}
	return m.Reason + ": " + m.Detail
}

// Reasons of misses.
const (
	Unknown     = "never compiled here"
	Differs     = "compiled from something else"
	Unreadable  = "record that cannot be read"
	FilesGone   = "files are gone"
	NotPossible = "files cannot be placed"
)

// Answer is a record that holds, with its files, which are open: what prune removes
// meanwhile can still be placed. It must be closed.
type Answer struct {
	*rustc.Record
	dir    string
	files  []*os.File
	own    []string // where one lies that is not open: in dir, or linked to there
	copier *reflink.Copier
}

// Close gives the files back.
func (a *Answer) Close() {
	for _, f := range a.files {
		if f != nil {
			f.Close()
		}
	}
}

// Find returns a record of the request that holds and whose files are there: in the
// warehouse, in layers, or in dir, where the outputs are to be. The error is a Miss.
func (w *Warehouse) Find(r *rustc.Request, dir string) (*Answer, error) {
	units := filepath.Join(w.dir, unitsDir, r.Unit)
	variants, err := os.ReadDir(units)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &Miss{Unknown, ""}
		}
		return nil, &Miss{Unreadable, err.Error()}
	}
	want := r.Digest()
	miss := &Miss{Differs, ""}
	for _, v := range variants {
		if !strings.HasPrefix(v.Name(), want[:requestPart]+"-") {
			continue
		}
		path := filepath.Join(units, v.Name())
		rec, err := read(path)
		if err != nil {
			miss = &Miss{Unreadable, path}
			continue
		}
		if why := r.Holds(rec); why != "" {
			miss = &Miss{Differs, why}
			continue
		}
		a := &Answer{Record: rec, dir: dir, copier: w.copier}
		if gone := w.openAll(a); gone != "" {
			a.Close()
			miss = &Miss{FilesGone, gone}
			continue
		}
		touch(path)
		return a, nil
	}
	if miss.Detail == "" {
		miss.Detail = w.nearest(r, units, variants)
	}
	return nil, miss
}

// nearest says in what the request differs from the state of the unit that was used
// last.
func (w *Warehouse) nearest(r *rustc.Request, dir string, variants []os.DirEntry) string {
	newest, path := time.Time{}, ""
	for _, v := range variants {
		if info, err := v.Info(); err == nil && info.ModTime().After(newest) && !strings.HasPrefix(v.Name(), ".") {
			newest, path = info.ModTime(), filepath.Join(dir, v.Name())
		}
	}
	if rec, err := read(path); err == nil {
		return r.Differs(rec)
	}
	return ""
}

// touch notes a use of a record; or of a loose file, by one who is about to name it in
// a record. It reports false where the file has gone.
func touch(path string) bool {
	info, err := os.Stat(path)
	if err == nil && time.Since(info.ModTime()).Abs() > touchAfter {
		now := time.Now()
		err = os.Chtimes(path, now, now)
	}
	// A store that cannot be written to serves all the same.
	return !errors.Is(err, fs.ErrNotExist)
}

// requestPart and keyPart are how many digits of digests name a record: enough to
// pass over those of other requests unread.
const requestPart, keyPart = 16, 16

func fileName(request, key string) string { return request[:requestPart] + "-" + key[:keyPart] }

func read(path string) (*rustc.Record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return rustc.ParseRecord(string(text))
}

// openAll opens the files of an answer, and names the first that is gone.
func (w *Warehouse) openAll(a *Answer) (gone string) {
	a.own = make([]string, len(a.Files))
	for i, f := range a.Files {
		file, err := w.open(a.Record, f)
		if err != nil {
			own := ownPaths(a.dir, f.Name)
			at := slices.IndexFunc(own, func(path string) bool { return lies(path, f) })
			if at < 0 {
				return f.Name
			}
			a.own[i] = own[at]
		}
		a.files = append(a.files, file)
	}
	return ""
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
		path := filepath.Join(a.dir, f.Name)
		if a.files[i] == nil {
			if err := keep(a.own[i], path); err != nil {
				return false, &Miss{NotPossible, err.Error()}
			}
			continue
		}
		shared, err := place(ctx, a.copier, a.files[i], path, f.Mode)
		if err != nil {
			return false, &Miss{NotPossible, err.Error()}
		}
		cloned = cloned && (shared || f.Size <= reflink.InlineMax)
	}
	return cloned, nil
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

// has reports whether all files of a record are there.
func (w *Warehouse) has(rec *rustc.Record) bool {
	return !slices.ContainsFunc(rec.Files, func(f rustc.File) bool {
		file, err := w.open(rec, f)
		if err == nil {
			file.Close()
		}
		return err != nil
	})
}

// paths are where a file of a record may lie: loose, and in each of the record's
// layers.
func (w *Warehouse) paths(rec *rustc.Record, f rustc.File) []string {
	list := []string{w.loose(f.Digest)}
	for _, l := range rec.Layers {
		list = append(list, filepath.Join(w.store, "layers", l.Layer, l.Dir, f.Name))
	}
	return list
}

func (w *Warehouse) loose(digest string) string {
	return filepath.Join(w.dir, filesDir, digest[:2], digest)
}

// Put keeps a record, and, if loose is set, its files, which lie in dir. A record of
// the same key that is whole stays: outputs of one key may differ in bytes, and what
// was compiled against the ones that are kept is found by these.
func (w *Warehouse) Put(ctx context.Context, rec *rustc.Record, dir string, loose bool) error {
	units := filepath.Join(w.dir, unitsDir, rec.Unit)
	path := filepath.Join(units, fileName(rec.Request, rec.Key))
	if old, err := read(path); err == nil && w.has(old) && touch(path) {
		return nil
	}
	if loose {
		for _, f := range rec.Files {
			if err := w.keepLoose(ctx, filepath.Join(dir, f.Name), f); err != nil {
				return fmt.Errorf("keep %s: %w", f.Name, err)
			}
		}
	}
	write := func() error {
		if err := os.MkdirAll(units, 0o700); err != nil {
			return err
		}
		return atomicfile.WriteUnsynced(path, []byte(rec.Text()), 0o600)
	}
	err := write()
	if errors.Is(err, fs.ErrNotExist) {
		err = write() // a sweep has removed the empty directory in between
	}
	if err != nil {
		return fmt.Errorf("keep unit: %w", err)
	}
	w.bound(units)
	return nil
}

// mostLayers bounds in how many layers a record is said to lie: the newest serve.
const mostLayers = 4

// AddLayer notes that a layer holds the files of the record that a mark names, in
// dir below its root. It reports false where the warehouse has no such record.
func (w *Warehouse) AddLayer(m *rustc.Mark, in rustc.InLayer) (bool, error) {
	path := filepath.Join(w.dir, unitsDir, m.Unit, fileName(m.Request, m.Key))
	rec, err := read(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, rustc.ErrFormat) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note layer of %s: %w", m.Unit, err)
	}
	if !slices.Equal(rec.Files, m.Files) {
		return false, nil // compiled once more, to other bytes
	}
	if slices.Contains(rec.Layers, in) || w.isLoose(rec) {
		return true, nil
	}
	rec.Layers = append([]rustc.InLayer{in}, rec.Layers...)
	rec.Layers = rec.Layers[:min(len(rec.Layers), mostLayers)]
	// Whoever does the same at once for another layer may win: one of them serves.
	if err := atomicfile.WriteUnsynced(path, []byte(rec.Text()), 0o600); err != nil {
		return false, fmt.Errorf("note layer of %s: %w", m.Unit, err)
	}
	return true, nil
}

func (w *Warehouse) isLoose(rec *rustc.Record) bool {
	return !slices.ContainsFunc(rec.Files, func(f rustc.File) bool {
		info, err := os.Stat(w.loose(f.Digest))
		return err != nil || info.Size() != f.Size
	})
}

func (w *Warehouse) keepLoose(ctx context.Context, path string, f rustc.File) error {
	loose := w.loose(f.Digest)
	if info, err := os.Stat(loose); err == nil && info.Size() == f.Size && touch(loose) {
		return nil
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := os.MkdirAll(filepath.Dir(loose), 0o700); err != nil {
		return err
	}
	to, err := os.CreateTemp(filepath.Dir(loose), atomicfile.TempPrefix)
	if err != nil {
		return err
	}
	_, err = w.copier.File(ctx, to, from)
	if err == nil {
		err = to.Chmod(0o400)
	}
	if err = errors.Join(err, to.Close()); err == nil {
		err = os.Rename(to.Name(), loose)
	}
	if err != nil {
		return errors.Join(err, os.Remove(to.Name()))
	}
	return nil
}

// bound forgets the states of a unit that were not used for longest.
func (w *Warehouse) bound(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= mostVariants {
		return
	}
	type used struct {
		path string
		at   time.Time
	}
	var all []used
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, used{filepath.Join(dir, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b used) int { return a.at.Compare(b.at) })
	for _, u := range all[:max(0, len(all)-mostVariants)] {
		_ = os.Remove(u.path)
	}
}
