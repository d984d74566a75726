// Package extent says how far a checkout extends: which directories in it belong to it
// and which to another checkout, which files no build reads, and what texts in a package
// name outside of it.
//
// Layers and the compiler's wrapper both ask it, so that neither overlooks what the
// other takes for an input of a macro or script. It reads git's files and starts no
// process. A Checkout remembers what it has read, and is for one goroutine.
package extent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Kind is what a directory inside a checkout is to it.
type Kind int

// Values of Kind.
const (
	// Part belongs to the checkout: a plain directory, or a submodule.
	Part Kind = iota
	// Twin is another checkout of the same repository, or of one of its
	// submodules, such as a worktree that an agent works in.
	Twin
	// Foreign is a checkout of another repository, or a clone of this one.
	Foreign
)

// Checkout is a working tree of git, or a directory that is in none.
type Checkout struct {
	// common are the directories that the worktrees of the repository share, the
	// innermost repository first: a checkout may itself be a submodule's.
	common []string
	links  map[string]links // by top of a checkout
}

// links are the paths that git has links for, below the top of a checkout.
type links struct {
	paths   map[string]bool
	unknown bool // they cannot be read
}

// Of returns the checkout that dir lies in.
func Of(dir string) *Checkout {
	c := &Checkout{links: map[string]links{}}
	for dir != "" {
		top, gitDir := enclosing(dir)
		if gitDir == "" {
			break
		}
		c.common = append(c.common, commonDir(gitDir))
		if !isModule(gitDir) {
			break
		}
		dir = filepath.Dir(top)
	}
	return c
}

// enclosing is the innermost checkout that holds dir, itself included.
func enclosing(dir string) (top, gitDir string) {
	for top = filepath.Clean(dir); ; top = filepath.Dir(top) {
		if gitDir := gitDirOf(top); gitDir != "" {
			return top, gitDir
		}
		if top == "/" || top == "." {
			return "", ""
		}
	}
}

// gitDirOf is what the ".git" of dir leads to, whether or not that is there; "" if
// dir has none.
func gitDirOf(dir string) string {
	path := filepath.Join(dir, ".git")
	fi, err := os.Stat(path)
	if err != nil {
		if _, err := os.Lstat(path); err == nil {
			return path // a link that leads nowhere
		}
		return ""
	}
	if fi.IsDir() {
		return path
	}
	text, err := regular.Read(path)
	if err != nil {
		return path
	}
	to, ok := strings.CutPrefix(string(text), "gitdir:")
	if !ok {
		return path
	}
	to = strings.TrimSpace(to)
	if !filepath.IsAbs(to) {
		to = filepath.Join(dir, to)
	}
	return filepath.Clean(to)
}

// commonDir is what a git directory shares with those of the other worktrees, by
// its real name.
func commonDir(gitDir string) string {
	common := gitDir
	if text, err := regular.Read(filepath.Join(gitDir, "commondir")); err == nil {
		common = strings.TrimSpace(string(text))
		if !filepath.IsAbs(common) {
			common = filepath.Join(gitDir, common)
		}
	} else if isWorktree(gitDir) {
		common = filepath.Dir(filepath.Dir(gitDir))
	}
	return real(common)
}

// isWorktree reports whether a git directory is that of a linked worktree. One that
// is gone, or that another mount hides, tells by its name.
func isWorktree(gitDir string) bool {
	if _, err := os.Stat(filepath.Join(gitDir, "commondir")); err == nil {
		return true
	}
	if _, err := os.Stat(gitDir); err == nil {
		return false
	}
	return filepath.Base(filepath.Dir(gitDir)) == "worktrees"
}

// isModule reports whether a git directory is one that a superproject keeps for its
// submodule, in "modules" of its own git directory.
func isModule(gitDir string) bool {
	return strings.Contains(gitDir, "/modules/") && !isWorktree(gitDir)
}

func real(path string) string {
	if r, err := filepath.EvalSymlinks(path); err == nil {
		return r
	}
	return path
}

// Nested says what dir is, a directory that lies in the checkout, or in another one
// in it. What git's own files do not tell is no part of another checkout's: it counts.
func (c *Checkout) Nested(dir string) Kind {
	gitDir := gitDirOf(dir)
	if gitDir == "" || c.isLinked(dir) {
		return Part
	}
	at := real(gitDir)
	if isWorktree(gitDir) {
		common := commonDir(gitDir)
		for _, ours := range c.common {
			if common == ours || paths.Below(common, ours) {
				return Twin
			}
		}
		return Foreign
	}
	if isModule(at) || isModule(gitDir) {
		for _, ours := range c.common {
			if paths.Below(at, ours) {
				return Part
			}
		}
		// Behind another mount the names lead nowhere, and are all there is.
		if _, err := os.Stat(gitDir); errors.Is(err, fs.ErrNotExist) {
			return Part
		}
	}
	return Foreign
}

// isLinked reports whether git has a link at dir in the checkout that dir lies in: then
// whatever lies there is a submodule, even if its git directory was never moved into that
// of the superproject.
func (c *Checkout) isLinked(dir string) bool {
	top, gitDir := enclosing(filepath.Dir(dir))
	if gitDir == "" {
		return false
	}
	l, known := c.links[top]
	if !known {
		paths, err := gitLinks(filepath.Join(gitDir, "index"))
		l = links{paths, err != nil && !errors.Is(err, fs.ErrNotExist)}
		c.links[top] = l
	}
	rel, err := filepath.Rel(top, dir)
	return l.unknown || err == nil && l.paths[rel]
}
