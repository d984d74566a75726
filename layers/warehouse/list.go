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

	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// Errors that callers decide on.
var (
	// ErrNotFound: no record has that key.
	ErrNotFound = errors.New("no such record")
	// ErrAmbiguous: several records have keys that begin so.
	ErrAmbiguous = errors.New("more than one record of that key")
)

// Location says where a file of a record lies. The values are part of what the program
// prints as JSON.
type Location string

const (
	Loose   Location = "loose"
	InLayer Location = "layer"
	Built   Location = "built" // in the build directory where it was made
	Gone    Location = "gone"
)

// LocatedFile is a file of a record, and where it was found.
type LocatedFile struct {
	rustc.File
	Location Location
	Path     string // "" if it is gone
}

// Entry is a record as it lies in the warehouse.
type Entry struct {
	*rustc.Record
	Path       string
	Used       time.Time     // when it was last put, found or told of a layer, to within touchAfter
	RecordSize int64         // bytes of the record itself
	Located    []LocatedFile // one for each of the record's files
}

// Location is that of the file that is worst off.
func (e *Entry) Location() Location {
	order := []Location{Loose, InLayer, Built, Gone}
	worst := 0
	for _, p := range e.Located {
		worst = max(worst, slices.Index(order, p.Location))
	}
	return order[worst]
}

// Crate is the name of the crate that a unit is of, as rustc calls it; a unit's
// name is that of a directory, or of an event.
func Crate(unit string) string {
	crate, _, _ := strings.Cut(unit, "-")
	return crate
}

// List returns all records that can be read, by unit, with where their files lie.
// Verify tells of the others.
func (w *Warehouse) List(ctx context.Context) ([]Entry, error) {
	var all []Entry
	err := w.eachRecord(ctx, func(path string, d fs.DirEntry) {
		if e, err := w.entry(path, nil); err == nil {
			all = append(all, *e)
		}
	})
	return all, err
}

// Uses tells of each record when it was last used, by its path below the units, and reads
// none.
func (w *Warehouse) Uses(ctx context.Context, visit func(name string, used time.Time)) error {
	return w.eachRecord(ctx, func(path string, d fs.DirEntry) {
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			visit(filepath.Join(filepath.Base(filepath.Dir(path)), d.Name()), info.ModTime())
		}
	})
}

// Lookup finds the record whose key begins with ref, 4 characters or more.
func (w *Warehouse) Lookup(ctx context.Context, ref string) (*Entry, error) {
	var found []string
	err := w.eachRecord(ctx, func(path string, d fs.DirEntry) {
		_, key, _ := strings.Cut(d.Name(), "-")
		if len(ref) >= 4 && (strings.HasPrefix(key, ref) || len(key) == keyPart && strings.HasPrefix(ref, key)) {
			found = append(found, path)
		}
	})
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("find record %s: %w", ref, ErrNotFound)
	case 1:
	default:
		return nil, fmt.Errorf("find record %s: %w", ref, ErrAmbiguous)
	}
	e, err := w.entry(found[0], nil)
	if err != nil {
		return nil, fmt.Errorf("read record %s: %w", found[0], err)
	}
	if !strings.HasPrefix(e.Key, ref) {
		return nil, fmt.Errorf("find record %s: %w", ref, ErrNotFound)
	}
	return e, nil
}

// entry reads a record and looks where its files are. Those layers count as gone.
func (w *Warehouse) entry(path string, goneLayers []string) (*Entry, error) {
	// Before it is read: who changes it now makes it younger than is said here.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	rec, err := readRecord(path)
	if err != nil {
		return nil, err
	}
	e := &Entry{Record: rec, Path: path, Used: info.ModTime(), RecordSize: info.Size()}
	for _, f := range rec.Files {
		e.Located = append(e.Located, w.locate(rec, f, goneLayers))
	}
	return e, nil
}

func (w *Warehouse) locate(rec *rustc.Record, f rustc.File, goneLayers []string) LocatedFile {
	for i, path := range w.storedPaths(rec, f) {
		where := Loose
		if i > 0 {
			where = InLayer
			if slices.Contains(goneLayers, rec.Layers[i-1].Layer) {
				continue
			}
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == f.Size {
			return LocatedFile{f, where, path}
		}
	}
	for _, path := range originPaths(rec, f) {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == f.Size {
			return LocatedFile{f, Built, path}
		}
	}
	return LocatedFile{f, Gone, ""}
}
