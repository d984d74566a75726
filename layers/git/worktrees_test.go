package git

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// added is a working tree with nothing checked out yet.
func added(t *testing.T, c *Checkout, name, branch string) *Checkout {
	t.Helper()
	dir := filepath.Join(filepath.Dir(c.Root), name)
	if err := c.AddWorktree(t.Context(), dir, branch, c.Head); err != nil {
		t.Fatal(err)
	}
	return open(t, dir, c.environ)
}

func TestWorktreesAddedAndRemoved(t *testing.T) {
	env := environ(t)
	c := open(t, repo(t, env), env)
	w := added(t, c, "w 1", "refs/heads/fork/w")
	if names, err := os.ReadDir(w.Root); err != nil || len(names) != 1 {
		t.Errorf("it has %v, %v", names, err)
	}
	if err := w.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if dirty, err := w.Dirty(t.Context()); err != nil || dirty {
		t.Errorf("dirty %v, %v", dirty, err)
	}
	added(t, c, "w2", "")
	command(t, env, c.Root, "git", "worktree", "lock", "--reason", "why not", filepath.Join(filepath.Dir(c.Root), "w2"))
	all, err := c.ListWorktrees(t.Context())
	want := []Worktree{
		{Root: c.Root, Head: c.Head, Ref: "refs/heads/main"},
		{Root: w.Root, Head: c.Head, Ref: "refs/heads/fork/w"},
		{Root: filepath.Join(filepath.Dir(c.Root), "w2"), Head: c.Head, Locked: true, Why: "why not"},
	}
	if err != nil || !slices.Equal(all, want) {
		t.Errorf("listed %+v, %v", all, err)
	}
	for _, x := range all[1:] {
		if err := c.RemoveWorktree(t.Context(), x.Root); err != nil {
			t.Error(err)
		}
	}
	command(t, env, c.Root, "git", "config", "branch.fork/w.remote", "origin")
	if err := c.RemoveBranch(t.Context(), "refs/heads/fork/w", strings.Repeat("1", 40)); err == nil {
		t.Error("a branch that has moved is removed")
	}
	if err := c.RemoveBranch(t.Context(), "refs/heads/fork/w", c.Head); err != nil {
		t.Error(err)
	}
	if tips, err := c.Tips(t.Context(), "refs/heads/"); err != nil || len(tips) != 1 || tips["refs/heads/main"] != c.Head {
		t.Errorf("branches %v, %v", tips, err)
	}
	if text, err := os.ReadFile(filepath.Join(c.CommonDir, "config")); err != nil || strings.Contains(string(text), "fork/w") {
		t.Errorf("the branch is still configured: %s %v", text, err)
	}
	if err := c.RemoveBranch(t.Context(), "refs/heads/main", c.Head); err != nil {
		t.Errorf("a branch without configuration: %v", err)
	}
}

func TestCommit(t *testing.T) {
	env := environ(t)
	c := open(t, repo(t, env), env)
	command(t, env, c.Root, "git", "tag", "-a", "-m", "x", "v1")
	for _, rev := range []string{"HEAD", "main", "v1", c.Head[:8]} {
		if id, err := c.Commit(t.Context(), rev); id != c.Head || err != nil {
			t.Errorf("%s is %q, %v", rev, id, err)
		}
	}
	for _, rev := range []string{"nothing", "--all", "HEAD:a", "HEAD~"} {
		if id, err := c.Commit(t.Context(), rev); !errors.Is(err, ErrUnknownCommit) {
			t.Errorf("%s is %q, %v", rev, id, err)
		}
	}
}

// What is on another branch, remote branch or tag is not only on one.
func TestOnly(t *testing.T) {
	env := environ(t)
	c := open(t, repo(t, env), env)
	w := added(t, c, "w", "refs/heads/fork/w")
	only := func(want int, when string) {
		t.Helper()
		tip, err := c.Commit(t.Context(), "fork/w")
		if err != nil {
			t.Fatal(err)
		}
		if n, err := c.Only(t.Context(), []string{tip}, "refs/heads/fork/w", c.Head); n != want || err != nil {
			t.Errorf("%s: %d, %v", when, n, err)
		}
	}
	only(0, "unchanged")
	for range 2 {
		command(t, env, w.Root, "git", "commit", "-q", "--allow-empty", "-m", "b")
	}
	only(2, "two commits")
	for _, ref := range []string{"refs/heads/other", "refs/remotes/origin/w", "refs/tags/w"} {
		command(t, env, w.Root, "git", "update-ref", ref, "HEAD")
		only(0, ref)
		command(t, env, w.Root, "git", "update-ref", "-d", ref)
	}
	command(t, env, w.Root, "git", "update-ref", "refs/stash-like", "HEAD")
	only(2, "a ref that is none of these")
}

// What a checkout that was killed leaves is told from what somebody has put there.
func TestIsHalfFilled(t *testing.T) {
	env := environ(t)
	c := open(t, repo(t, env), env)
	long := strings.Repeat("long\n", 1000)
	write(t, filepath.Join(c.Root, "b"), long)
	write(t, filepath.Join(c.Root, "d/e"), long)
	write(t, filepath.Join(c.Root, ".gitignore"), "/ignored\n")
	command(t, env, c.Root, "git", "add", ".")
	command(t, env, c.Root, "git", "commit", "-q", "-m", "b")
	c = open(t, c.Root, env)
	for name, x := range map[string]struct {
		files map[string]string
		half  bool
	}{
		"nothing":        {nil, true},
		"a file":         {map[string]string{"b": long}, true},
		"a part":         {map[string]string{"b": long[:100], "a": ""}, true},
		"another":        {map[string]string{"b": "mine"}, false},
		"more":           {map[string]string{"b": long + "mine"}, false},
		"new":            {map[string]string{"c": ""}, false},
		"new, deeper":    {map[string]string{"d/c": ""}, false},
		"ignored":        {map[string]string{".gitignore": "/ignored\n", "ignored": ""}, false},
		"a part, deeper": {map[string]string{"d/e": long[:1]}, true},
	} {
		w := added(t, c, name, "")
		for file, text := range x.files {
			write(t, filepath.Join(w.Root, file), text)
		}
		write(t, filepath.Join(w.GitDir, "index.lock"), "")
		if half, err := w.IsHalfFilled(t.Context()); half != x.half || err != nil {
			t.Errorf("%s: %v, %v", name, half, err)
		}
	}
}

func TestUnlockBranch(t *testing.T) {
	env := environ(t)
	c := open(t, repo(t, env), env)
	if err := c.UnlockBranch("refs/heads/fork/w"); err != nil {
		t.Errorf("nothing locked: %v", err)
	}
	lock := filepath.Join(c.CommonDir, "refs/heads/fork/w.lock")
	outside := filepath.Join(t.TempDir(), "w.lock")
	for _, file := range []string{lock, outside} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, nil, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.UnlockBranch("refs/heads/fork/w"); err != nil {
		t.Error(err)
	}
	command(t, env, c.Root, "git", "branch", "fork/w")
	// A link, or a name, that leads out of the repository is not followed.
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(c.CommonDir, "refs/heads/out")); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"refs/heads/out/w", "refs/heads/fork/" + strings.Repeat("../", 20) + outside[1:len(outside)-len(".lock")]} {
		if err := c.UnlockBranch(ref); err == nil || exists(outside) != nil {
			t.Errorf("%s: %v, %v", ref, err, exists(outside))
		}
	}
}

func TestRemoveUnborn(t *testing.T) {
	env := environ(t)
	c := open(t, repo(t, env), env)
	w := added(t, c, "w", "")
	unborn := filepath.Join(c.CommonDir, "worktrees", "u")
	write(t, filepath.Join(unborn, "locked"), "initializing")
	for _, root := range []string{w.Root, "/somewhere/u", "/somewhere/else"} {
		if err := c.RemoveUnborn(root); err != nil {
			t.Error(err)
		}
	}
	if exists(unborn) == nil || exists(w.GitDir) != nil {
		t.Error("the wrong one is removed, or none")
	}
}

func TestCheckFilters(t *testing.T) {
	env := environ(t)
	c := open(t, repo(t, env), env)
	if err := c.CheckFilters(t.Context()); err != nil {
		t.Error(err)
	}
	command(t, env, c.Root, "git", "config", "filter.x.smudge", "cat")
	if err := c.CheckFilters(t.Context()); !errors.Is(err, ErrOwnFilters) {
		t.Errorf("got %v", err)
	}
}

// A lock is held by the git that works under it, though the process that took it gives it
// back.
func TestHolding(t *testing.T) {
	env := environ(t)
	c := open(t, repo(t, env), env)
	path := filepath.Join(t.TempDir(), "lock")
	write(t, path, "")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	gate := filepath.Join(t.TempDir(), "gate")
	done := make(chan error)
	go func() {
		_, err := c.Holding(f).Run(t.Context(), "-c", "alias.wait=!touch '"+gate+"' && while test -e '"+gate+"'; do sleep 0.01; done", "wait")
		done <- err
	}()
	for exists(gate) != nil {
		time.Sleep(time.Millisecond)
	}
	// As good as closed, but for the other goroutine, which may still look at it.
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := syscall.Dup3(int(null.Fd()), fd, syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		t.Error("nobody holds the lock")
	}
	if err := errors.Join(os.Remove(gate), <-done); err != nil {
		t.Error(err)
	}
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Errorf("it is still held: %v", err)
	}
}
