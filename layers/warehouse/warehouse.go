// Package warehouse keeps what single runs of rustc have written: a record of each by
// what decided it, and its files by their content. The files lie loose in the
// warehouse, in layers of the same store, or where they were built; any serves.
//
// Everything in it can be lost: whoever finds less than he looks for has a miss, with
// its reason, and compiles. There is no lock, no database and no process behind
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
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// Below the store, and below Dir.
const (
	Dir      = paths.StoreWarehouse
	unitsDir = paths.WarehouseUnits
	filesDir = paths.WarehouseFiles
	laterDir = paths.WarehouseLater
)

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

// Store is that of the warehouse.
func (w *Warehouse) Store() string { return w.store }

// Dir is where the warehouse is.
func (w *Warehouse) Dir() string { return w.dir }

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

func readRecord(path string) (*rustc.Record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return rustc.ParseRecord(string(text))
}

// storedPaths are where a file of a record may lie: loose, and in each of the record's
// layers.
func (w *Warehouse) storedPaths(rec *rustc.Record, f rustc.File) []string {
	list := []string{w.loose(f.Digest)}
	for _, l := range rec.Layers {
		list = append(list, filepath.Join(w.store, paths.StoreLayers, l.Layer, l.Dir, f.Name))
	}
	return list
}

func (w *Warehouse) loose(digest string) string {
	return filepath.Join(w.dir, filesDir, digest[:2], digest)
}

// eachRecord visits what lies where records lie, sorted by path, but for what is
// being written. A warehouse that is not there has none.
func (w *Warehouse) eachRecord(ctx context.Context, visit func(path string, d fs.DirEntry)) error {
	return w.eachFile(ctx, unitsDir, func(path string, d fs.DirEntry) {
		if !isTemporary(path) {
			visit(path, d)
		}
	})
}

// eachFile visits all in the directories of units or of files. What goes away meanwhile
// is passed over.
func (w *Warehouse) eachFile(ctx context.Context, kind string, visit func(path string, d fs.DirEntry)) error {
	top := filepath.Join(w.dir, kind)
	dirs, err := os.ReadDir(top)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list warehouse: %w", err)
	}
	for _, d := range dirs {
		if err := ctx.Err(); err != nil {
			return err
		}
		dir := filepath.Join(top, d.Name())
		if !d.IsDir() {
			visit(dir, d)
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("list warehouse: %w", err)
		}
		for _, e := range entries {
			visit(filepath.Join(dir, e.Name()), e)
		}
	}
	return nil
}

// openStored finds a file of a record, loose or in a layer.
func (w *Warehouse) openStored(rec *rustc.Record, f rustc.File) (*os.File, error) {
	var err error
	for _, path := range w.storedPaths(rec, f) {
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
	Unknown         = "never compiled here"
	Differs         = "compiled from something else"
	Unreadable      = "record that cannot be read"
	FilesGone       = "files are gone"
	NotMaterialized = "files cannot be placed"
)

func isTemporary(path string) bool {
	return strings.HasPrefix(filepath.Base(path), atomicfile.TempPrefix)
}
