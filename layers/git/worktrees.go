package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Worktree is what the repository says of one of its working trees.
type Worktree struct {
	Root   string // "" for a bare repository itself, which has none
	Head   string // commit id; zeros before the first commit
	Ref    string // refs/heads/...; "" when HEAD is detached
	Locked bool
	Why    string // it is locked, if that was said
}

// ListWorktrees lists all working trees of the repository, the main one first, whether or
// not they still exist.
func (c *Checkout) ListWorktrees(ctx context.Context) ([]Worktree, error) {
	sep := "\x00"
	out, err := c.Run(ctx, "worktree", "list", "--porcelain", "-z")
	var ge *gitError
	if errors.As(err, &ge) && ge.code == 129 { // usage: -z came with git 2.36
		sep = "\n"
		out, err = c.Run(ctx, "worktree", "list", "--porcelain")
	}
	if err != nil {
		return nil, fmt.Errorf("list worktrees: %w", err)
	}
	return parseWorktrees(string(out), sep), nil
}

// Worktrees lists the roots of all working trees of the repository, the main
// one first, whether or not they still exist.
func (c *Checkout) Worktrees(ctx context.Context) ([]string, error) {
	all, err := c.ListWorktrees(ctx)
	return roots(all), err
}

func roots(all []Worktree) (list []string) {
	for _, w := range all {
		if w.Root != "" {
			list = append(list, w.Root)
		}
	}
	return list
}

// parseWorktrees reads records of lines ended by sep, an empty line between
// records; a bare repository has a record but no working tree.
func parseWorktrees(out, sep string) []Worktree {
	var all []Worktree
	for record := range strings.SplitSeq(out, sep+sep) {
		if record == "" {
			continue
		}
		var w Worktree
		for line := range strings.SplitSeq(record, sep) {
			switch key, value, _ := strings.Cut(line, " "); key {
			case "worktree":
				w.Root = value
			case "HEAD":
				w.Head = value
			case "branch":
				w.Ref = value
			case "locked":
				w.Locked, w.Why = true, value
			case "bare":
				w.Root = ""
			}
		}
		if real, err := filepath.EvalSymlinks(w.Root); err == nil && w.Root != "" {
			w.Root = real
		}
		all = append(all, w)
	}
	return all
}

// ErrOwnFilters: the configuration of the repository names filters, which are programs.
var ErrOwnFilters = errors.New("the repository's own configuration names filters, which git runs on files that it checks out")

// CheckFilters returns an error that wraps ErrOwnFilters where AddWorktree and Fill would
// not make the files that git makes, since nothing is run that a repository names.
func (c *Checkout) CheckFilters(ctx context.Context) error {
	off, ok, err := c.filtersOff(ctx)
	if err != nil {
		return fmt.Errorf("look for filters: %w", err)
	}
	if !ok || len(off) > 0 {
		return ErrOwnFilters
	}
	return nil
}

// Holding is the checkout whose git processes, and theirs, have a file open while they
// run: a lock on it ends with the last of them, also where this process is killed.
func (c *Checkout) Holding(f *os.File) *Checkout {
	with := *c
	with.held = append(slices.Clone(c.held), f)
	return &with
}

// still keeps git from running hooks (post-checkout, reference-transaction,
// post-index-change), and from going into submodules.
func still(args ...string) []string {
	return append([]string{"-c", "core.hooksPath=/dev/null", "-c", "submodule.recurse=false"}, args...)
}

// Commit is the id of the commit that rev names.
func (c *Checkout) Commit(ctx context.Context, rev string) (string, error) {
	if strings.HasPrefix(rev, "-") {
		return "", fmt.Errorf("find commit %s: %w", rev, ErrUnknownCommit)
	}
	out, err := c.Run(ctx, "rev-parse", "--verify", "--quiet", rev+"^{commit}")
	id := strings.TrimSpace(string(out))
	var ge *gitError
	if errors.As(err, &ge) || err == nil && !isID(id) {
		return "", fmt.Errorf("find commit %s: %w", rev, ErrUnknownCommit)
	}
	return id, err
}

// Tips are the commits of all branches whose names begin with prefix, a whole part of a
// name, by the branches.
func (c *Checkout) Tips(ctx context.Context, prefix string) (map[string]string, error) {
	out, err := c.Run(ctx, "for-each-ref", "--format=%(objectname) %(refname)", prefix)
	if err != nil {
		return nil, fmt.Errorf("list branches: %w", err)
	}
	tips := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if id, ref, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok {
			tips[ref] = id
		}
	}
	return tips, nil
}

// AddWorktree adds a working tree at dir, with nothing in it but git's own file (see
// Fill), at a commit: on a new branch, or without one where branch is "".
func (c *Checkout) AddWorktree(ctx context.Context, dir, branch, commit string) error {
	args := still("worktree", "add", "--quiet", "--no-checkout", "--detach", "--", dir, commit)
	if branch != "" {
		args = still("worktree", "add", "--quiet", "--no-checkout", "-b", strings.TrimPrefix(branch, "refs/heads/"), "--", dir, commit)
	}
	if _, err := c.Run(ctx, args...); err != nil {
		return fmt.Errorf("add worktree %s: %w", dir, err)
	}
	return nil
}

// Fill checks out what a working tree of AddWorktree is at, as git does there (git 2.39,
// builtin/worktree.c:add_worktree).
func (c *Checkout) Fill(ctx context.Context) error {
	if _, err := c.Run(ctx, still("reset", "--hard", "--quiet", "--no-recurse-submodules")...); err != nil {
		return fmt.Errorf("check out %s: %w", c.Root, err)
	}
	return nil
}

// RemoveWorktree removes a working tree with all that is in it, locked or not.
func (c *Checkout) RemoveWorktree(ctx context.Context, root string) error {
	if _, err := c.Run(ctx, still("worktree", "remove", "--force", "--force", "--", root)...); err != nil {
		return fmt.Errorf("remove worktree %s: %w", root, err)
	}
	return nil
}

// RemoveUnborn removes what a git that was killed has noted of a working tree at root, where
// it had not come to note the place: git itself neither lists that nor prunes it. Nobody is
// adding one of that name.
func (c *Checkout) RemoveUnborn(root string) error {
	noted := filepath.Join(c.CommonDir, "worktrees", filepath.Base(root))
	if exists(noted) != nil || !errors.Is(exists(filepath.Join(noted, "gitdir")), os.ErrNotExist) {
		return nil
	}
	return os.RemoveAll(noted)
}

// UnlockBranch removes the lock that a git that was killed has left on a branch, with which
// git would fail for ever. Nobody is at work on that branch. (Git 2.39: refs/files-backend.c
// locks REF.lock; where all branches are in one table, there is no lock of one.)
func (c *Checkout) UnlockBranch(ref string) error {
	// Whoever made the repository may have made a link there that leads out of it.
	root, err := os.OpenRoot(c.CommonDir)
	if err == nil {
		err = root.Remove(ref + ".lock")
		err = errors.Join(err, root.Close())
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unlock branch: %w", err)
	}
	return nil
}

// RemoveBranch removes a branch that is still at a commit, with its configuration.
func (c *Checkout) RemoveBranch(ctx context.Context, ref, commit string) error {
	if _, err := c.Run(ctx, still("update-ref", "-d", ref, commit)...); err != nil {
		return fmt.Errorf("remove branch %s: %w", strings.TrimPrefix(ref, "refs/heads/"), err)
	}
	section := "branch." + strings.TrimPrefix(ref, "refs/heads/")
	var ge *gitError
	if _, err := c.Run(ctx, "config", "--local", "--remove-section", section); err != nil && !errors.As(err, &ge) {
		return err
	}
	return nil
}

// Only counts the commits that are reachable from tips, and from no branch, remote branch
// or tag but one, and not from base either.
func (c *Checkout) Only(ctx context.Context, tips []string, but, base string) (int, error) {
	args := append([]string{"rev-list", "--count"}, tips...)
	args = append(args, "--not", base)
	if but != "" {
		args = append(args, "--exclude="+strings.TrimPrefix(but, "refs/heads/"))
	}
	args = append(args, "--branches", "--remotes", "--tags", "--")
	out, err := c.Run(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("look for commits on no other branch: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		return 0, fmt.Errorf("look for commits on no other branch: git rev-list printed %q", out)
	}
	return n, nil
}

// IsHalfFilled reports whether a working tree has what a Fill that was killed may have
// left of its commit, and nothing else: files that lack their end, and no others. It is for
// one that was never filled, and writes its index.
func (c *Checkout) IsHalfFilled(ctx context.Context) (bool, error) {
	failed := func(err error) (bool, error) {
		return false, fmt.Errorf("see what is in %s: %w", c.Root, err)
	}
	if err := os.Remove(filepath.Join(c.GitDir, "index.lock")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return failed(err)
	}
	if _, err := c.Run(ctx, still("read-tree", "HEAD")...); err != nil {
		return failed(err)
	}
	out, err := c.Run(ctx, "status", "--porcelain", "--untracked-files=all", "--ignored", "--no-renames", "-z")
	if err != nil {
		return failed(err)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if len(line) < 4 {
			continue
		}
		state, name := line[:2], line[3:]
		if state == " M" {
			half, err := c.isBeginning(ctx, name)
			if err != nil {
				return failed(err)
			}
			if half {
				continue
			}
		}
		if state != " D" {
			return false, nil
		}
	}
	return true, nil
}

// isBeginning reports whether a file is the first part of what the index has of it.
func (c *Checkout) isBeginning(ctx context.Context, name string) (bool, error) {
	path := filepath.Join(c.Root, name)
	if fi, err := os.Lstat(path); err != nil || !fi.Mode().IsRegular() {
		return false, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	whole, err := c.Run(ctx, "cat-file", "blob", ":"+name)
	return err == nil && len(text) < len(whole) && strings.HasPrefix(string(whole), string(text)), err
}
