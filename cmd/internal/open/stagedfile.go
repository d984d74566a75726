package open

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A stagedFile is a small file's new content, written beside it: what can go wrong
// has gone wrong before anything is changed. A nil one does nothing.
type stagedFile struct {
	path, tmp string
	made      string // the topmost directory that was made for it
}

func stageFile(path string, text []byte) (*stagedFile, error) {
	dir := filepath.Dir(path)
	f := &stagedFile{path: path}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		f.made = d
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".tmp-*")
	if err != nil {
		f.Discard()
		return nil, err
	}
	f.tmp = tmp.Name()
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		f.Discard()
		return nil, err
	}
	return f, nil
}

// Commit puts the content in place in one step.
func (f *stagedFile) Commit() error {
	if f == nil {
		return nil
	}
	if err := os.Rename(f.tmp, f.path); err != nil {
		f.Discard()
		return err
	}
	f.tmp, f.made = "", ""
	return nil
}

// Discard leaves everything as it was before. After Commit it does nothing.
func (f *stagedFile) Discard() {
	if f == nil {
		return
	}
	if f.tmp != "" {
		os.Remove(f.tmp)
	}
	for d := filepath.Dir(f.path); f.made != "" && len(d) >= len(f.made); d = filepath.Dir(d) {
		os.Remove(d) // fails where somebody else has put something there
	}
	f.tmp, f.made = "", ""
}

// replaceFile writes a small file in one step, so that no reader sees half of it.
func replaceFile(path string, text []byte) error {
	f, err := stageFile(path, text)
	if err != nil {
		return err
	}
	return f.Commit()
}
