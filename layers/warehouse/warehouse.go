// Package warehouse keeps what single runs of rustc have written: units by what
// decided them, and their files by content. A unit's files lie loose in the
// warehouse, in layers of the same store, or where they were built; any serves.
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

// Find returns a record of the request that holds and whose files are there: in the
// warehouse, in layers, in dir, where the outputs are to be, or in the build directory
// where they were made. The error is a Miss.
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
	miss, latest := &Miss{Differs, ""}, time.Time{}
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
			// Of several the one that was used last says what has changed; where one is
			// right but of no use, that is what there is to say.
			if info, err := v.Info(); err == nil && miss.Reason == Differs && info.ModTime().After(latest) {
				latest, miss = info.ModTime(), &Miss{Differs, why}
			}
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
		if err = os.Chtimes(path, now, now); err == nil {
			// A sweep may have taken it away between the kernel's finding it and its
			// getting the time, and not have seen that. One that comes later does.
			_, err = os.Lstat(path)
		}
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
func (w *Warehouse) AddLayer(m *rustc.Trailer, in rustc.InLayer) (bool, error) {
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
