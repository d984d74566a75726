package warehouse

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// LooseFile is a file in the warehouse itself.
type LooseFile struct {
	Digest, Path string
	Changed      time.Time // when it was put there, or claimed by a record
	// Frees is what its removal frees, in bytes before compression: what it shares
	// with a build directory or a layer is not freed. Where the file system does not
	// tell, that is the space it takes, and Exact is false.
	Frees int64
	Exact bool
}

// Leftover is a file that is being written, or was when its writer died, or a record
// that a power cut has torn.
type Leftover struct {
	Path    string
	Changed time.Time
	Size    int64
}

// Inventory is all that lies in a warehouse.
type Inventory struct {
	Entries   []Entry
	Loose     []LooseFile
	Leftovers []Leftover
	// Unreadable: a record could not be read, for no fault of its own, so that of no file
	// it is certain that no record names it.
	Unreadable bool
}

// Inventory looks at everything. Layers that are about to go count as gone. measure has
// it ask the file system what each loose file shares.
func (w *Warehouse) Inventory(ctx context.Context, goneLayers []string, measure bool) (*Inventory, error) {
	v := &Inventory{}
	err := w.eachFile(ctx, unitsDir, func(path string, d fs.DirEntry) {
		if isTemporary(path) {
			v.addLeftover(path)
			return
		}
		switch e, err := w.entry(path, goneLayers); {
		case err == nil:
			v.Entries = append(v.Entries, *e)
		case errors.Is(err, rustc.ErrFormat):
			v.addLeftover(path)
		case !errors.Is(err, fs.ErrNotExist):
			v.Unreadable = true
		}
	})
	if err != nil {
		return nil, err
	}
	for _, run := range w.Runs() {
		v.addLeftover(filepath.Join(w.dir, laterDir, run)) // old ones are of keepers that were killed
	}
	// Files come after records: one that is put meanwhile may lack its record here,
	// and is young.
	err = w.eachFile(ctx, filesDir, func(path string, d fs.DirEntry) {
		name := filepath.Base(path)
		if isTemporary(path) {
			v.addLeftover(path)
			return
		}
		if ctx.Err() != nil || !digest.Is(name) || path != w.loose(name) {
			return
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			f := LooseFile{Digest: name, Path: path, Changed: info.ModTime(), Frees: blocks(info)}
			if measure {
				f.measure()
			}
			v.Loose = append(v.Loose, f)
		}
	})
	if err == nil {
		err = ctx.Err()
	}
	return v, err
}

func (v *Inventory) addLeftover(path string) {
	if info, err := os.Lstat(path); err == nil {
		v.Leftovers = append(v.Leftovers, Leftover{path, info.ModTime(), blocks(info)})
	}
}

// blocks is the space that a file is said to take, shared or not.
func blocks(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}

func (f *LooseFile) measure() {
	file, err := os.Open(f.Path)
	if err != nil {
		return
	}
	defer file.Close()
	if u, err := reflink.FileUsage(file); err == nil {
		f.Frees, f.Exact = u.Exclusive, true
	}
}
