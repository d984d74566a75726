package enabling

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

// User is for whom, and where things of theirs are.
type User struct {
	Wrapper *wrapper.Setup
	Dirs    locate.User
	Shell   string                             // its name or path; "" for none that is known
	Script  func(shell string) ([]byte, error) // makes completions
}

// How a file is touched.
type How string

// The ways.
const (
	Create How = "create" // it is not there
	Change How = "change" // a part of it, which is the user's
	Write  How = "write"  // as a whole: it is ours
	Remove How = "remove"
)

// Touch is a file and what is done to it.
type Touch struct {
	File string `json:"file"`
	How  How    `json:"how"`
}

// A step is done or undone as a whole.
type step struct {
	touches  []Touch
	do, undo func() error
}

// configure is the step that changes Cargo's configuration.
func configure(c *wrapper.Change, touches []Touch) step {
	linked := c.Link != "" && !exists(c.Link)
	return step{
		touches: touches,
		do:      c.Apply,
		undo: func() error {
			err := c.Undo()
			if err == nil && linked {
				err = removeLink(c.Link)
			}
			return err
		},
	}
}

// linkNames are the files of a link.
var linkNames = []string{wrapper.Program, chain.NoteName}

// removeLink removes a link of the wrapper's, and nothing else that is in its directory.
func removeLink(dir string) error {
	var errs []error
	for _, name := range linkNames {
		if err := os.Remove(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	removeDirs([]string{dir})
	return errors.Join(errs...)
}

// keep is the step that gives a file of ours a content; nil is none.
func keep(file string, text []byte) step {
	former, _ := regular.Read(file)
	how := Write
	switch {
	case text == nil:
		how = Remove
	case !exists(file):
		how = Create
	}
	done := false
	return step{
		touches: []Touch{{file, how}},
		do: func() error {
			err := give(file, text)
			done = err == nil
			return err
		},
		undo: func() error {
			if !done {
				return nil
			}
			return give(file, former)
		},
	}
}

// give gives a file a content; nil is none.
func give(file string, text []byte) error {
	now, err := regular.Read(file)
	switch {
	case err == nil && text != nil && bytes.Equal(now, text):
		return nil
	case text == nil:
		if err := unix.Unlink(file); err != nil && exists(file) { // never a directory
			return &fs.PathError{Op: "remove", Path: file, Err: err}
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return atomicfile.Write(file, text, 0o600)
}

// missingDirs are the directories that are made with a file.
func missingDirs(file string) (dirs []string) {
	for dir := filepath.Dir(file); !exists(dir); dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

// removeDirs removes directories, inner ones first; those with something in them stay.
func removeDirs(dirs []string) {
	dirs = slices.Clone(dirs)
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, dir := range dirs {
		if fi, err := os.Lstat(dir); err == nil && fi.IsDir() {
			_ = os.Remove(dir)
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
