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
)

// memoryVersion is the version of Memory this program writes. A higher one is
// refused, a lower one does not exist yet.
const memoryVersion = 1

// Memory is what a repository remembers of init, for all its worktrees:
// cargo-cow/config.json in the common git directory. The hook tests for it.
type Memory struct {
	Version int `json:"version"`
	// Store is the absolute path of the store.
	Store string `json:"store"`
	// Workspaces are the cargo workspaces that init was run in, relative to the
	// top of a working tree.
	Workspaces []string `json:"workspaces"`
}

func memoryPath(repo *git.Checkout) string {
	return filepath.Join(repo.CommonDir, "cargo-cow", "config.json")
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
	m.Workspaces = slices.DeleteFunc(m.Workspaces, func(w string) bool { return !filepath.IsLocal(w) })
	return m, nil
}

// remember notes the store and the workspace in the repository of p. Without
// git there is nowhere to note it, and the store is found by its place alone.
func remember(p *layers.Place, store string) error {
	if p == nil || p.Git == nil {
		return nil
	}
	m, err := readMemory(p.Git)
	if err != nil {
		return err
	}
	old := m
	m.Version, m.Store = memoryVersion, store
	rel, err := filepath.Rel(p.Git.Root, realPath(p.Workspace.Root))
	if err == nil && filepath.IsLocal(rel) && !slices.Contains(m.Workspaces, rel) {
		m.Workspaces = append(slices.Clone(m.Workspaces), rel)
	}
	if old.Version == m.Version && old.Store == m.Store && len(old.Workspaces) == len(m.Workspaces) {
		return nil
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = replaceFile(memoryPath(p.Git), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("note the store: %w", err)
	}
	return excludeStore(p.Git, store)
}

// Hide keeps git, and through git cargo, from seeing the trees that a restore
// leaves beside the build directory: the one to undo to, and half-made ones.
func Hide(p *layers.Place) error {
	if p.Git == nil {
		return nil
	}
	return p.Git.Exclude(".*.cargo-cow-undo/", ".*.cargo-cow-tmp-*/")
}

// excludeStore hides a store that lies inside the working tree from git, and so
// from cargo, which asks git for the files of a package.
func excludeStore(repo *git.Checkout, store string) error {
	rel, err := filepath.Rel(repo.Root, store)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return nil
	}
	return repo.Exclude("/" + filepath.ToSlash(rel) + "/")
}

// replaceFile writes a small file in one step, so that no reader sees half of it.
func replaceFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
