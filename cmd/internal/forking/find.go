package forking

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/forks"
	"github.com/cargo-cow/cargo-cow/layers/git"
)

// found is a fork with what has become of it.
type found struct {
	forks.Fork
	root     string        // the top of its working tree, where git knows of one; that may have gone
	tree     *git.Checkout // nil where that is not there
	whole    bool          // all was checked out
	worktree git.Worktree
}

// find looks for the working trees of all forks of a repository.
func (f *Forker) find(ctx context.Context, repo *git.Checkout) ([]*found, error) {
	noted, err := forks.In(repo.CommonDir).List()
	if err != nil || len(noted) == 0 {
		return nil, err
	}
	worktrees, err := repo.ListWorktrees(ctx)
	if err != nil {
		return nil, err
	}
	var all []*found
	for _, n := range noted {
		all = append(all, &found{Fork: n})
	}
	for _, w := range worktrees {
		if w.Root == "" || w.Root == worktrees[0].Root {
			continue
		}
		f.match(ctx, repo, all, w)
	}
	return all, nil
}

// match finds the fork that a working tree is, if any. One that is marked is known
// wherever it lies; one without a mark is where it was to be made, and has nothing in it.
func (f *Forker) match(ctx context.Context, repo *git.Checkout, all []*found, w git.Worktree) {
	at := slices.IndexFunc(all, func(x *found) bool { return x.Path == w.Root })
	if !isThere(filepath.Join(w.Root, ".git")) {
		if at >= 0 && all[at].tree == nil {
			all[at].root, all[at].worktree = w.Root, w
		}
		return
	}
	tree, err := git.Open(ctx, w.Root, f.Environ)
	if err != nil || tree.CommonDir != repo.CommonDir {
		return // another repository's by now
	}
	name, whole := forks.Marked(tree.GitDir)
	if name != "" {
		at = slices.IndexFunc(all, func(x *found) bool { return x.Name == name })
	} else if at >= 0 && !forks.IsUnmade(w.Root) {
		at = -1 // somebody else's, in its place
	}
	if at >= 0 {
		all[at].root, all[at].worktree, all[at].tree, all[at].whole = w.Root, w, tree, whole
	}
}

// directory is where a fork is, or was to be.
func (x *found) directory() string {
	if x.root != "" {
		return x.root
	}
	return x.Path
}

// tips are the commits that would be lost with a fork if nothing else has them.
func (x *found) tips(branch string) []string {
	var all []string
	for _, id := range []string{x.worktree.Head, branch} {
		if strings.Trim(id, "0") != "" { // zeros before the first commit
			all = appendNew(all, id)
		}
	}
	return all
}

// only counts the commits that are on no branch but that of a fork, which is at tip.
func (x *found) only(ctx context.Context, repo *git.Checkout, tip string) (int, error) {
	if t := x.tips(tip); len(t) > 0 {
		return repo.Only(ctx, t, x.Branch, x.Base)
	}
	return 0, nil
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// realPath is a path without symbolic links, also of what is not there yet.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if dir := filepath.Dir(path); dir != path {
		return filepath.Join(realPath(dir), filepath.Base(path))
	}
	return path
}

// existing is a directory, or the first above it that is there.
func existing(dir string) string {
	for !isThere(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

func appendNew(all []string, more ...string) []string {
	for _, m := range more {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

func (x *found) String() string { return fmt.Sprintf("fork %s", x.Name) }
