package open

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// memoryVersion is the version of Memory this program writes. A higher one is
// refused. Version 1 knew one store, whatever file system a worktree was on.
const memoryVersion = 2

// Memory is what a repository remembers of init, for all its worktrees:
// cargo-cow/config.json in the common git directory. The hook tests for it.
type Memory struct {
	Version int `json:"version"`
	// Store is the first of Stores, which is all that version 1 had.
	Store string `json:"store"`
	// Stores are all that init was told of or made, for whatever file system, those
	// to be preferred first. One that is not there is passed over and stays: its file
	// system may be mounted again, or this may be a container that does not see it.
	Stores []locate.Remembered `json:"stores"`
	// Workspaces are the cargo workspaces that init was run in, relative to the
	// top of a working tree.
	Workspaces []string `json:"workspaces"`
}

func memoryPath(repo *git.Checkout) string {
	return filepath.Join(repo.CommonDir, paths.RepositoryMemory)
}

// ReadMemory reads what the repository remembers; all zero before init.
func ReadMemory(repo *git.Checkout) (Memory, error) { return readMemory(repo) }

func readMemory(repo *git.Checkout) (Memory, error) {
	if repo == nil {
		return Memory{}, nil
	}
	text, err := os.ReadFile(memoryPath(repo))
	if errors.Is(err, fs.ErrNotExist) {
		return Memory{}, nil
	}
	if err != nil {
		return Memory{}, fmt.Errorf("read what init noted: %w", err)
	}
	var m Memory
	if err := json.Unmarshal(text, &m); err != nil {
		return Memory{}, &layers.HelpError{
			Err:  fmt.Errorf("read %s: %w", memoryPath(repo), err),
			Help: "remove the file and run `cargo cow init`",
		}
	}
	if m.Version > memoryVersion {
		return Memory{}, fmt.Errorf("read %s: version %d is from a newer cargo-cow", memoryPath(repo), m.Version)
	}
	if m.Version == 1 && m.Store != "" {
		m.Stores = []locate.Remembered{locate.Legacy(m.Store)}
	}
	m.Workspaces = slices.DeleteFunc(m.Workspaces, func(w string) bool { return !filepath.IsLocal(w) })
	return m, nil
}

// with returns the memory with a store in it. One that the user named goes before
// all others; another one goes behind them, since what served before still does.
func (m Memory) with(store string, named bool) Memory {
	at := slices.IndexFunc(m.Stores, func(r locate.Remembered) bool { return r.Dir == store })
	switch {
	case named:
		rest := slices.DeleteFunc(slices.Clone(m.Stores), func(r locate.Remembered) bool { return r.Dir == store })
		m.Stores = append([]locate.Remembered{{Dir: store, Named: true}}, rest...)
	case at < 0:
		m.Stores = append(slices.Clone(m.Stores), locate.Remembered{Dir: store})
	}
	return m
}

// remember prepares a note of the store and the workspace in the repository of p;
// nil where there is nothing to be noted. Without git there is nowhere to note it,
// and the build directory alone knows. Nothing is noted before Commit.
func remember(p *layers.Place, store string, named bool) (*stagedFile, error) {
	if p == nil || p.Git == nil {
		return nil, nil
	}
	old, err := readMemory(p.Git)
	if err != nil {
		return nil, err
	}
	m := old.with(store, named)
	m.Version, m.Store = memoryVersion, m.Stores[0].Dir
	rel, err := filepath.Rel(p.Git.Root, realPath(p.Workspace.Root))
	if err == nil && filepath.IsLocal(rel) && !slices.Contains(m.Workspaces, rel) {
		m.Workspaces = append(slices.Clone(m.Workspaces), rel)
	}
	if old.Version == m.Version && slices.Equal(old.Stores, m.Stores) && len(old.Workspaces) == len(m.Workspaces) {
		return nil, nil
	}
	text, err := json.Marshal(m)
	var f *stagedFile
	if err == nil {
		f, err = stageFile(memoryPath(p.Git), append(text, '\n'))
	}
	if err != nil {
		return nil, fmt.Errorf("note the store: %w", err)
	}
	return f, nil
}

// Hide keeps git, and through git cargo, from seeing the trees that a restore
// leaves beside the build directory: the one to undo to, and half-made ones.
func Hide(p *layers.Place) error {
	if p.Git == nil {
		return nil
	}
	return p.Git.Exclude("*"+paths.UndoSuffix+"/", ".*"+paths.BesideTemp+"*/")
}

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
