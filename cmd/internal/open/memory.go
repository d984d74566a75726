package open

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/git"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
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

// ReadMemory reads what the repository remembers; all zero before init, and where
// there is no repository.
func ReadMemory(repo *git.Checkout) (Memory, error) {
	if repo == nil {
		return Memory{}, nil
	}
	text, err := regular.Read(memoryPath(repo))
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

// withStore returns the memory with a store in it. One that the user named goes before
// all others; another one goes behind them, since what served before still does.
func (m Memory) withStore(store string, named bool) Memory {
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

// stageMemory prepares a note of the store and the workspace in the repository of a checkout;
// nil where there is nothing to be noted. Without git there is nowhere to note it,
// and the build directory alone knows. Nothing is noted before Commit.
func stageMemory(checkout *layers.Checkout, store string, named bool) (*stagedFile, error) {
	if checkout == nil || checkout.Git == nil {
		return nil, nil
	}
	old, err := ReadMemory(checkout.Git)
	if err != nil {
		return nil, err
	}
	m := old.withStore(store, named)
	m.Version, m.Store = memoryVersion, m.Stores[0].Dir
	rel, err := filepath.Rel(checkout.Git.Root, realPath(checkout.Workspace.Root))
	if err == nil && filepath.IsLocal(rel) && !slices.Contains(m.Workspaces, rel) {
		m.Workspaces = append(slices.Clone(m.Workspaces), rel)
	}
	if old.Version == m.Version && slices.Equal(old.Stores, m.Stores) && len(old.Workspaces) == len(m.Workspaces) {
		return nil, nil
	}
	text, err := json.Marshal(m)
	var f *stagedFile
	if err == nil {
		f, err = stageFile(memoryPath(checkout.Git), append(text, '\n'))
	}
	if err != nil {
		return nil, fmt.Errorf("note the store: %w", err)
	}
	return f, nil
}
