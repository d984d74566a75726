package warehouse

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/rustc"
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
		rec, err := readRecord(path)
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
		a := &Answer{Record: rec, dir: dir, from: w}
		if gone := w.openSources(a); gone != "" {
			a.Close()
			miss = &Miss{FilesGone, gone}
			continue
		}
		touch(path)
		return a, nil
	}
	if miss.Detail == "" {
		miss.Detail = w.differenceToLatest(r, units, variants)
	}
	return nil, miss
}

// differenceToLatest says in what the request differs from the state of the unit that
// was used last.
func (w *Warehouse) differenceToLatest(r *rustc.Request, dir string, variants []os.DirEntry) string {
	newest, path := time.Time{}, ""
	for _, v := range variants {
		if info, err := v.Info(); err == nil && info.ModTime().After(newest) && !strings.HasPrefix(v.Name(), ".") {
			newest, path = info.ModTime(), filepath.Join(dir, v.Name())
		}
	}
	if rec, err := readRecord(path); err == nil {
		return r.Differs(rec)
	}
	return ""
}
