package relocate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/internal/parallel"
)

// errDiffers: a copy is not what it was made of.
var errDiffers = errors.New("the copy differs")

// leftOut is what of a tree could not be copied, as with every clone of it.
type leftOut struct {
	mu    sync.Mutex
	paths map[string]bool
}

func (l *leftOut) note(path string, _ error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paths == nil {
		l.paths = map[string]bool{}
	}
	l.paths[path] = true
}

func (l *leftOut) has(path string) bool { return l.paths[path] }

// compare reads a copy and what it is of. Equal are names, kinds, modes, times, where links lead,
// and every byte.
func compare(ctx context.Context, to, from string, without func(path string) bool) error {
	there, err := list(from, without)
	if err != nil {
		return err
	}
	here, err := list(to, func(string) bool { return false })
	if err != nil {
		return err
	}
	var files []string
	for rel, a := range there {
		b, ok := here[rel]
		if !ok {
			return fmt.Errorf("%w: %s is lacking", errDiffers, rel)
		}
		if a.Mode() != b.Mode() || !a.ModTime().Equal(b.ModTime()) || a.Mode().IsRegular() && a.Size() != b.Size() {
			return fmt.Errorf("%w: %s has another mode, time or size", errDiffers, rel)
		}
		if a.Mode().IsRegular() {
			files = append(files, rel)
		} else if a.Mode()&fs.ModeSymlink != 0 && !sameLink(filepath.Join(to, rel), filepath.Join(from, rel)) {
			return fmt.Errorf("%w: the link %s", errDiffers, rel)
		}
	}
	for rel := range here {
		if there[rel] == nil {
			return fmt.Errorf("%w: %s is too much", errDiffers, rel)
		}
	}
	failures := make([]error, len(files))
	parallel.Do(len(files), func(i int) {
		if failures[i] = ctx.Err(); failures[i] != nil {
			return
		}
		same, err := sameContent(filepath.Join(to, files[i]), filepath.Join(from, files[i]))
		if err == nil && !same {
			err = fmt.Errorf("%w: %s", errDiffers, files[i])
		}
		failures[i] = err
	})
	return errors.Join(failures...)
}

// list lists all that is in a directory, by its path from there.
func list(dir string, without func(path string) bool) (map[string]fs.FileInfo, error) {
	all := map[string]fs.FileInfo{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if without(path) {
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err != nil {
			return err
		}
		if path == dir {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		all[rel] = info
		return err
	})
	return all, err
}

func sameLink(a, b string) bool {
	to, err := os.Readlink(a)
	other, errb := os.Readlink(b)
	return err == nil && errb == nil && to == other
}

func sameContent(a, b string) (bool, error) {
	f, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer g.Close()
	const size = 128 << 10
	x, y := make([]byte, size), make([]byte, size)
	for {
		n, err := io.ReadFull(f, x)
		m, errg := io.ReadFull(g, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if done(err) && done(errg) {
			return true, nil
		}
		for _, err := range []error{err, errg} {
			if err != nil && !done(err) {
				return false, err
			}
		}
	}
}

func done(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// keepSame removes from a tree, a copy of a parent, all that another tree has not, or has otherwise,
// and returns the files that stay. Those it gives the modes and times that they have there. Files of
// several names are not among them: what is done to one is done to all of its names.
func keepSame(ctx context.Context, dir, like string) (map[string]bool, error) {
	same := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		kept, err := keep(path, filepath.Join(like, rel), d.IsDir())
		switch {
		case err != nil:
			return err
		case kept && !d.IsDir():
			same[rel] = true
		case !kept && d.IsDir():
			if err := driver.RemoveAll(path); err != nil {
				return err
			}
			return fs.SkipDir
		case !kept:
			return os.Remove(path)
		}
		return nil
	})
	return same, err
}

// keep reports whether something may stay for what it is to be like.
func keep(path, like string, isDir bool) (bool, error) {
	want, err := os.Lstat(like)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if isDir {
		return want.IsDir(), nil
	}
	have, err := os.Lstat(path)
	if err != nil || !have.Mode().IsRegular() || !want.Mode().IsRegular() || have.Size() != want.Size() || links(have) > 1 || links(want) > 1 {
		return false, err
	}
	if same, err := sameContent(path, like); err != nil || !same {
		return false, nil // what cannot be read is told of when it is copied
	}
	if have.Mode() != want.Mode() {
		if err := os.Chmod(path, want.Mode()); err != nil {
			return false, err
		}
	}
	return true, os.Chtimes(path, want.ModTime(), want.ModTime())
}

func links(info fs.FileInfo) uint64 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(st.Nlink)
}
