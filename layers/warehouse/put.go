package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// Put keeps a record, and, if loose is set, its files, which lie in dir. A record of
// the same key that is whole stays: outputs of one key may differ in bytes, and what
// was compiled against the ones that are kept is found by these.
func (w *Warehouse) Put(ctx context.Context, rec *rustc.Record, dir string, loose bool) error {
	units := filepath.Join(w.dir, unitsDir, rec.Unit)
	path := filepath.Join(units, fileName(rec.Request, rec.Key))
	if old, err := readRecord(path); err == nil && w.hasFiles(old) && touch(path) {
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
	w.evictOldest(units)
	return nil
}

// mostLayers bounds in how many layers a record is said to lie: the newest serve.
const mostLayers = 4

// AddLayer notes that a layer holds the files of the record that a trailer names, in
// dir below its root. It reports false where the warehouse has no such record.
func (w *Warehouse) AddLayer(t *rustc.Trailer, in rustc.InLayer) (bool, error) {
	path := filepath.Join(w.dir, unitsDir, t.Unit, fileName(t.Request, t.Key))
	rec, err := readRecord(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, rustc.ErrFormat) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note layer of %s: %w", t.Unit, err)
	}
	if !slices.Equal(rec.Files, t.Files) {
		return false, nil // compiled once more, to other bytes
	}
	if slices.Contains(rec.Layers, in) || w.isLoose(rec) {
		return true, nil
	}
	rec.Layers = append([]rustc.InLayer{in}, rec.Layers...)
	rec.Layers = rec.Layers[:min(len(rec.Layers), mostLayers)]
	// Whoever does the same at once for another layer may win: one of them serves.
	if err := atomicfile.WriteUnsynced(path, []byte(rec.Text()), 0o600); err != nil {
		return false, fmt.Errorf("note layer of %s: %w", t.Unit, err)
	}
	return true, nil
}

// AddListed does so for the record that is named at the end of a .d file, given relative to the
// root of the layer, which is at tree.
func (w *Warehouse) AddListed(layer, tree, list string) error {
	text, err := regular.Read(filepath.Join(tree, list))
	if err != nil {
		return err
	}
	t, err := rustc.ParseTrailer(string(text))
	if err == nil {
		_, err = w.AddLayer(&t, rustc.InLayer{Layer: layer, Dir: filepath.Dir(list)})
	}
	return err
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
	return w.takeIn(ctx, from, f, func() error { return nil })
}

// takeIn makes a loose file of one that is open, if it is what it should be when that is done.
func (w *Warehouse) takeIn(ctx context.Context, from *os.File, f rustc.File, check func() error) error {
	loose := w.loose(f.Digest)
	if err := os.MkdirAll(filepath.Dir(loose), 0o700); err != nil {
		return err
	}
	to, err := os.CreateTemp(filepath.Dir(loose), atomicfile.TempPrefix)
	if err != nil {
		return err
	}
	_, err = w.copier.File(ctx, to, from)
	if err == nil {
		err = check()
	}
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

// evictOldest forgets the states of a unit that were not used for longest.
func (w *Warehouse) evictOldest(dir string) {
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

// mostVariants bounds how many states of one unit are remembered: those used
// last. A record takes some 10 kB and is read only if its request is the one asked
// for.
const mostVariants = 64

// hasFiles reports whether all files of a record are there.
func (w *Warehouse) hasFiles(rec *rustc.Record) bool {
	return !slices.ContainsFunc(rec.Files, func(f rustc.File) bool {
		file, err := w.openStored(rec, f)
		if err == nil {
			file.Close()
		}
		return err != nil
	})
}
