package warehouse

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// Damage is something in a warehouse that is not as it should be.
type Damage struct {
	Path    string
	Problem string
	Removed bool
	Err     error // why it could not be removed
}

// Verification is what Verify is to do.
type Verification struct {
	// Content: loose files are read whole and compared with their names. Else their
	// names are looked at alone.
	Content bool
	// Remove what is damaged. It is compiled again when it is asked for.
	Remove bool
}

// Verified is what Verify has looked at.
type Verified struct {
	Records, Files int
	Bytes          int64 // that were read of loose files
	Damaged        []Damage
}

// Verify looks whether every record can be read and is called by its key, and
// whether every loose file holds what its name says. Others may write meanwhile:
// what they put in the place of something damaged stays. What lies in layers is not
// looked at; those are sealed.
func (w *Warehouse) Verify(ctx context.Context, o Verification) (*Verified, error) {
	v := &Verified{}
	report := func(path string, look func(path string) string) {
		problem := look(path)
		if problem == "" {
			return
		}
		d := Damage{Path: path, Problem: problem}
		if o.Remove {
			d.Removed, d.Err = w.removeIf(path, func(away string, _ fs.FileInfo) bool { return look(away) != "" })
			if !d.Removed && d.Err == nil {
				return // gone, or right by now
			}
		}
		v.Damaged = append(v.Damaged, d)
	}
	err := w.eachRecord(ctx, func(path string, d fs.DirEntry) {
		v.Records++
		report(path, func(now string) string { return recordProblem(path, now) })
	})
	if err != nil {
		return nil, err
	}
	err = w.eachFile(ctx, filesDir, func(path string, d fs.DirEntry) {
		if isTemporary(path) || ctx.Err() != nil {
			return
		}
		v.Files++
		report(path, func(now string) string { return w.fileProblem(path, now, o.Content, &v.Bytes) })
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// recordProblem says what is wrong with the record of a path, which is now at
// another; "" if it is right, or gone.
func recordProblem(path, now string) string {
	unit := filepath.Base(filepath.Dir(path))
	if !rustc.IsUnit(unit) {
		return "not in the directory of a unit"
	}
	rec, err := readRecord(now)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case errors.Is(err, rustc.ErrFormat):
		return err.Error()
	case err != nil:
		return "it cannot be read: " + cause(err)
	case rec.Unit != unit:
		return "a record of unit " + rec.Unit
	case fileName(rec.Request, rec.Key) != filepath.Base(path):
		return "a record of key " + rec.Key
	}
	return ""
}

func (w *Warehouse) fileProblem(path, now string, content bool, read *int64) string {
	name := filepath.Base(path)
	if !digest.Is(name) || path != w.loose(name) {
		return "not where a file of this warehouse lies"
	}
	info, err := os.Lstat(now)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		return "it cannot be read: " + cause(err)
	case !info.Mode().IsRegular():
		return "not a regular file"
	case !content:
		return ""
	}
	digest, size, err := rustc.Digest(now)
	*read += size
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		return "it cannot be read: " + cause(err)
	case digest != name:
		return "its content is not what its name says"
	}
	return ""
}

// cause is an error without the path, which is said already.
func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
