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

	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// Postpone has the files of a record that was put be kept loose later, by a Keeper: a clone waits until its file is on the
// disk, and a build need not. run names what the record is of, such as one cargo, in letters of file names. first is true
// where no keeper attends to that run yet, and one is to be started for it.
func (w *Warehouse) Postpone(rec *rustc.Record, run string) (first bool, err error) {
	line := filepath.Join(rec.Unit, fileName(rec.Request, rec.Key)) + "\n"
	path := filepath.Join(w.dir, laterDir, run)
	for range 3 { // a keeper may be at the end of its list just then
		first, kept, err := appendTo(path, line)
		if err != nil {
			return false, fmt.Errorf("keep %s later: %w", rec.Unit, err)
		}
		if kept {
			return first, nil
		}
	}
	return false, fmt.Errorf("keep %s later: the list is gone each time", rec.Unit)
}

// appendTo writes a line at the end of a list, which is made if need be. kept is false where the list has gone meanwhile.
func appendTo(path, line string) (made, kept bool, err error) {
	made = true
	list, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return false, false, err
		}
		list, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if errors.Is(err, fs.ErrExist) {
		made = false
		list, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return false, false, nil
		}
	}
	if err != nil {
		return false, false, err
	}
	defer list.Close()
	if _, err := list.WriteString(line); err != nil {
		return false, false, err
	}
	info, err := list.Stat()
	if err != nil {
		return false, false, err
	}
	return made, info.Sys().(*syscall.Stat_t).Nlink > 0, nil
}

// Abandon forgets the list of a run, which no keeper could be started for.
func (w *Warehouse) Abandon(run string) { _ = os.Remove(filepath.Join(w.dir, laterDir, run)) }

// Runs are those that lists are left of.
func (w *Warehouse) Runs() (runs []string) {
	entries, err := os.ReadDir(filepath.Join(w.dir, laterDir))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			runs = append(runs, e.Name())
		}
	}
	return runs
}

// A Keeper keeps loose what a run has postponed. It is one goroutine's. If its process is killed, the list stays, and the
// keeper of another run may take it up.
type Keeper struct {
	w    *Warehouse
	path string
	list *os.File
	read string // the beginning of a line that is not whole
	done map[string]bool
}

// Keeper begins with the list of a run. It fails with syscall.EWOULDBLOCK where another has it.
func (w *Warehouse) Keeper(run string) (*Keeper, error) {
	path := filepath.Join(w.dir, laterDir, run)
	list, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(list.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		list.Close()
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	return &Keeper{w: w, path: path, list: list, done: map[string]bool{}}, nil
}

// Length of the list, in bytes: whether it grows.
func (k *Keeper) Length() int64 {
	info, err := k.list.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// Finish keeps what is on the list, and removes it. What is put on it meanwhile is kept, too.
func (k *Keeper) Finish(ctx context.Context) error {
	defer k.list.Close()
	if err := k.keep(ctx); err != nil {
		return err
	}
	if err := os.Remove(k.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return k.keep(ctx)
}

// keep goes through what was put on the list since the last time.
func (k *Keeper) keep(ctx context.Context) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := k.list.Read(buf)
		k.read += string(buf[:n])
		for {
			line, rest, whole := strings.Cut(k.read, "\n")
			if !whole {
				break
			}
			k.read = rest
			if err := ctx.Err(); err != nil {
				return err
			}
			if !k.done[line] {
				k.done[line] = true
				k.record(ctx, line)
			}
		}
		if n == 0 || err != nil {
			return nil
		}
	}
}

// record keeps the files of one record, as far as they still lie where they were made, as they were. What does not is lost:
// it is compiled again when it is asked for.
func (k *Keeper) record(ctx context.Context, line string) {
	unit, name := filepath.Split(line)
	if unit = filepath.Clean(unit); !rustc.IsUnit(unit) || name == "" {
		return
	}
	rec, err := readRecord(filepath.Join(k.w.dir, unitsDir, unit, name))
	if err != nil {
		return
	}
	for _, f := range rec.Files {
		if kept, err := k.w.openStored(rec, f); err == nil {
			kept.Close()
			_ = touch(k.w.loose(f.Digest)) // it may be another record's
			continue
		}
		file, made := openAtOrigin(rec, f)
		if file == nil {
			return
		}
		err := k.w.takeIn(ctx, file, f, func() error { return checkUnchanged(file, made) })
		file.Close()
		if err != nil {
			return
		}
	}
}
