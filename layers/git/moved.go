package git

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Moved returns when HEAD came to the commit it is at, in ns since 1970: not before it did, as far as the files tell in
// which git keeps that, and perhaps later: they are also written when git packs refs, or forgets old entries.
func (c *Checkout) Moved() int64 {
	files := []string{
		filepath.Join(c.GitDir, "HEAD"), filepath.Join(c.GitDir, "logs", "HEAD"),
		filepath.Join(c.GitDir, "reftable", "tables.list"), filepath.Join(c.CommonDir, "reftable", "tables.list"),
	}
	if c.Ref != "" {
		loose := filepath.Join(c.CommonDir, c.Ref)
		if _, err := os.Lstat(loose); err != nil {
			loose = filepath.Join(c.CommonDir, "packed-refs")
		}
		files = append(files, loose)
	}
	var last int64
	for _, name := range files {
		last = max(last, changed(name))
	}
	return last
}

// IsStill reports whether the working tree is at the commit, and on the branch, that it was at when it was opened.
func (c *Checkout) IsStill(ctx context.Context) (bool, error) {
	now, err := Open(ctx, c.Root, c.environ)
	if err != nil {
		return false, err
	}
	return now.Head == c.Head && now.Ref == c.Ref, nil
}

// Touched returns when a tracked file was last changed, in ns since 1970, as far as the files tell that are there; those
// of submodules do not count.
func (c *Checkout) Touched(ctx context.Context) (int64, error) {
	out, err := c.RunIn(ctx, c.Root, "ls-files", "-z", "--cached")
	if err != nil {
		return 0, fmt.Errorf("find when files were changed: %w", err)
	}
	var last int64
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		last = max(last, changed(filepath.Join(c.Root, name)))
	}
	return last, nil
}

// Tags lists all tags, each with what it names, and returns when one of them was last set or removed, in ns since 1970, or
// later.
func (c *Checkout) Tags(ctx context.Context) (all string, last int64, err error) {
	list, err := c.RunIn(ctx, c.Root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/tags")
	if err != nil {
		return "", 0, fmt.Errorf("list tags: %w", err)
	}
	last = max(changed(filepath.Join(c.CommonDir, "packed-refs")), changed(filepath.Join(c.CommonDir, "reftable", "tables.list")))
	err = filepath.WalkDir(filepath.Join(c.CommonDir, "refs", "tags"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil || os.IsNotExist(err) {
			last = max(last, changed(path))
			return nil
		}
		return err
	})
	if err != nil {
		return "", 0, fmt.Errorf("list tags: %w", err)
	}
	return string(list), last, nil
}

// changed is the later of a file's mtime and ctime, 0 where there is none.
func changed(path string) int64 {
	var st syscall.Stat_t
	if syscall.Lstat(path, &st) != nil {
		return 0
	}
	return max(st.Mtim.Nano(), st.Ctim.Nano())
}
