package git

import (
	"os"
	"path/filepath"
	"strings"
)

// Siblings lists the other working trees of the repository, as far as its files tell where
// they are (git 2.39, worktree.c: get_worktrees): no process is started. They need not be
// there.
func (c *Checkout) Siblings() (roots []string) {
	note := func(gitFile string) {
		if filepath.Base(gitFile) == ".git" && filepath.Dir(gitFile) != c.Root {
			roots = append(roots, filepath.Dir(gitFile))
		}
	}
	note(c.CommonDir) // of a bare repository it has another name
	linked, _ := os.ReadDir(filepath.Join(c.CommonDir, "worktrees"))
	for _, entry := range linked {
		dir := filepath.Join(c.CommonDir, "worktrees", entry.Name())
		if path, ok := readSmall(filepath.Join(dir, "gitdir")); ok {
			if !filepath.IsAbs(path) { // worktree.useRelativePaths, since git 2.48
				path = filepath.Join(dir, path)
			}
			note(path)
		}
	}
	return roots
}

// HeadOf is the commit that the working tree at root is at, as far as files in the usual
// places tell; "" where they do not. No process is started.
func HeadOf(root string) string {
	dir := gitDir(root)
	if dir == "" {
		return ""
	}
	head, _ := readSmall(filepath.Join(dir, "HEAD"))
	if ref, ok := strings.CutPrefix(head, "ref: "); ok {
		common := commonDir(dir)
		if common == "" {
			return ""
		}
		head = commitOf(common, ref)
	}
	if !isCommit(head) {
		return ""
	}
	return head
}
