package git

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// WorktreeBuilt, in a working tree's own git directory, lists the build directories
// that the working tree has had: one that is missing was removed, by cargo clean
// or by hand, and is not brought back by a checkout; one that is not listed never
// was. The first line is builtAll where there is nothing left for the hook to look
// at: then the shell need not start the program. It goes with the working tree where
// that is renamed, and counts for no copy of it: a line that is no path, a mark and the
// inode of its top, says which one it is of.
const (
	builtAll  = "all"
	builtSome = "some"
)

// Built is what a working tree notes of its build directories.
type Built struct {
	// All: each workspace that init was run in has had its build directory, and
	// none waits for something that was missing when it was restored.
	All  bool
	Dirs []string // below the top of the working tree relative to it, so that it may move
}

// Built reads what the working tree has noted; a note that cannot be read is none.
func (c *Checkout) Built() Built {
	text, err := regular.Read(filepath.Join(c.GitDir, paths.WorktreeBuilt))
	if err != nil || !strings.HasSuffix(string(text), "\n") {
		return Built{}
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	b := Built{All: lines[0] == builtAll && c.current()}
	top := c.top()
	for _, line := range lines[1:] {
		switch {
		case !strings.HasPrefix(line, paths.WorktreeTopMark):
			b.Dirs = append(b.Dirs, line)
		case top != "" && line != top:
			return Built{}
		}
	}
	return b
}

// top is the line that says which working tree it is; "" where that cannot be told.
func (c *Checkout) top() string {
	var st syscall.Stat_t
	if syscall.Stat(c.Root, &st) != nil {
		return ""
	}
	return paths.WorktreeTopMark + strconv.FormatUint(st.Ino, 10)
}

// current reports whether init has noted nothing since, as the shell does.
func (c *Checkout) current() bool {
	noted, errN := os.Stat(filepath.Join(c.GitDir, paths.WorktreeBuilt))
	init, errI := os.Stat(filepath.Join(c.CommonDir, paths.RepositoryMemory))
	return errN == nil && errI == nil && noted.ModTime().After(init.ModTime())
}

// Had reports whether the working tree has had a build directory, by what b notes.
func (c *Checkout) Had(b Built, buildDir string) bool {
	return slices.Contains(b.Dirs, c.relative(buildDir))
}

// NoteBuilt adds build directories to what the working tree has noted; all is Built.All.
// The file is always written: the shell compares its time with that of what init
// has noted.
func (c *Checkout) NoteBuilt(all bool, buildDirs ...string) error {
	b := c.Built()
	head := builtSome
	if all {
		head = builtAll
	}
	for _, d := range buildDirs {
		if d = c.relative(d); !strings.Contains(d, "\n") && !slices.Contains(b.Dirs, d) {
			b.Dirs = append(b.Dirs, d)
		}
	}
	path := filepath.Join(c.GitDir, paths.WorktreeBuilt)
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if err == nil {
		lines := []string{head}
		if top := c.top(); top != "" {
			lines = append(lines, top)
		}
		err = replaceFile(path, strings.Join(append(lines, b.Dirs...), "\n")+"\n", 0o666, errors.Is(exists(path), os.ErrNotExist))
	}
	if err != nil && !errors.Is(err, os.ErrExist) { // another one was quicker
		return fmt.Errorf("note build directory: %w", err)
	}
	return nil
}

func exists(path string) error {
	_, err := os.Lstat(path)
	return err
}

func (c *Checkout) relative(buildDir string) string {
	if rel, err := filepath.Rel(c.Root, buildDir); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return buildDir
}
