package git

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// environ isolates the tests from the configuration of whoever runs them.
func environ(t *testing.T) []string {
	t.Helper()
	return append(os.Environ(),
		"HOME="+t.TempDir(), "XDG_CONFIG_HOME=", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
}

// repo makes a repository with one commit and returns its root, symlinks resolved.
func repo(t *testing.T, env []string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root = filepath.Join(root, "a repo")
	command(t, env, filepath.Dir(root), "git", "init", "-q", "-b", "main", root)
	write(t, filepath.Join(root, "a"), "a\n")
	command(t, env, root, "git", "add", "a")
	command(t, env, root, "git", "commit", "-q", "-m", "a")
	return root
}

func command(t *testing.T, env []string, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string, env []string) *Checkout {
	t.Helper()
	c, err := Open(t.Context(), dir, env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOpen(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	head := strings.TrimSpace(command(t, env, root, "git", "rev-parse", "HEAD"))

	t.Run("from a subdirectory through a symlink", func(t *testing.T) {
		write(t, filepath.Join(root, "sub", "b"), "")
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(root, link); err != nil {
			t.Fatal(err)
		}
		c := open(t, filepath.Join(link, "sub"), env)
		if c.Root != root || c.GitDir != filepath.Join(root, ".git") || c.CommonDir != c.GitDir || c.Head != head || c.Ref != "refs/heads/main" {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("linked worktree, detached", func(t *testing.T) {
		wt := filepath.Join(filepath.Dir(root), "wt")
		command(t, env, root, "git", "worktree", "add", "-q", "--detach", wt)
		c := open(t, wt, env)
		if c.Root != wt || c.GitDir != filepath.Join(root, ".git", "worktrees", "wt") || c.CommonDir != filepath.Join(root, ".git") || c.Head != head || c.Ref != "" {
			t.Errorf("got %+v", c)
		}
		roots, err := c.Worktrees(t.Context())
		if err != nil || !slices.Equal(roots, []string{root, wt}) {
			t.Errorf("Worktrees: got %q, %v", roots, err)
		}
	})
	t.Run("before the first commit", func(t *testing.T) {
		dir, _ := filepath.EvalSymlinks(t.TempDir())
		command(t, env, dir, "git", "init", "-q", "-b", "trunk")
		c := open(t, dir, env)
		if c.Root != dir || c.Head != "" || c.Ref != "refs/heads/trunk" {
			t.Errorf("got %+v", c)
		}
	})
	t.Run("variables of a hook", func(t *testing.T) {
		other := repo(t, env)
		c := open(t, root, append(env, "GIT_DIR="+filepath.Join(other, ".git"), "GIT_WORK_TREE="+other, "GIT_INDEX_FILE=/x"))
		if c.Root != root {
			t.Errorf("Root: got %s, want %s", c.Root, root)
		}
	})
	t.Run("no checkout", func(t *testing.T) {
		bare := filepath.Join(t.TempDir(), "bare.git")
		command(t, env, root, "git", "init", "-q", "--bare", bare)
		for _, dir := range []string{t.TempDir(), bare, filepath.Join(root, ".git")} {
			if _, err := Open(t.Context(), dir, env); !errors.Is(err, ErrNotRepository) {
				t.Errorf("Open(%s): got %v, want ErrNotRepository", dir, err)
			}
		}
	})
	t.Run("no git", func(t *testing.T) {
		if _, err := Open(t.Context(), root, []string{"PATH=" + t.TempDir()}); !errors.Is(err, ErrNoGit) {
			t.Errorf("got %v, want ErrNoGit", err)
		}
	})
	t.Run("corrupt repository", func(t *testing.T) {
		bad := repo(t, env)
		write(t, filepath.Join(bad, ".git", "config"), "[core\n")
		_, err := Open(t.Context(), bad, env)
		if err == nil || errors.Is(err, ErrNotRepository) {
			t.Errorf("got %v, want git's own complaint", err)
		}
	})
	t.Run("of another user", func(t *testing.T) {
		if os.Geteuid() != 0 {
			if os.Getenv("CI") != "" {
				t.Fatal("cannot run, and CI is set: giving a file away needs root")
			}
			t.Skip("NOT RUN: giving a file away needs root")
		}
		foreign := repo(t, env)
		command(t, env, foreign, "chown", "-R", "12345", ".")
		if _, err := Open(t.Context(), foreign, env); !errors.Is(err, ErrForeign) {
			t.Errorf("got %v, want ErrForeign", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Open(ctx, root, env); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

func TestDirty(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	want := func(want bool, when string) {
		t.Helper()
		if got, err := c.Dirty(t.Context()); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", when, got, err, want)
		}
	}
	want(false, "clean")
	write(t, filepath.Join(root, ".git", "info", "exclude"), "ignored\n")
	write(t, filepath.Join(root, "ignored"), "")
	want(false, "ignored file")
	write(t, filepath.Join(root, "new"), "")
	want(true, "untracked file")
	command(t, env, root, "rm", "new", "a")
	want(true, "removed file")
}

func TestDistance(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	for _, cmd := range []string{"checkout -q -b side", "commit -q --allow-empty -m s1", "checkout -q main", "commit -q --allow-empty -m m1", "commit -q --allow-empty -m m2"} {
		command(t, env, root, "git", strings.Fields(cmd)...)
	}
	id := func(ref string) string { return strings.TrimSpace(command(t, env, root, "git", "rev-parse", ref)) }
	for _, tt := range []struct {
		a, b string
		want int
	}{{"main", "main", 0}, {"main", "side", 3}, {"side", "main", 3}, {"main", "main~1", 1}} {
		if got, err := c.Distance(t.Context(), id(tt.a), id(tt.b)); err != nil || got != tt.want {
			t.Errorf("Distance(%s, %s) = %d, %v, want %d", tt.a, tt.b, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "main", "--output=/tmp/x", strings.Repeat("1", 40)} {
		if _, err := c.Distance(t.Context(), id("main"), bad); !errors.Is(err, ErrUnknownCommit) {
			t.Errorf("Distance(main, %q): got %v, want ErrUnknownCommit", bad, err)
		}
	}
}

func asker(t *testing.T, c *Checkout) Asker {
	return func(dir string, args ...string) ([]byte, error) { return c.RunIn(t.Context(), dir, args...) }
}

func TestListFiles(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	write(t, filepath.Join(root, ".gitignore"), "*.log\n")
	write(t, filepath.Join(root, "sub", "x y.rs"), "")
	write(t, filepath.Join(root, "sub", "\xff\n"), "")
	write(t, filepath.Join(root, "sub", "x.log"), "")
	// Not tracked, though it is called as git tells of what is.
	odd := "100644 " + strings.Repeat("0", 40) + " 0\tx"
	write(t, filepath.Join(root, "sub", odd), "")
	command(t, env, root, "git", "init", "-q", filepath.Join("sub", "nested"))
	write(t, filepath.Join(root, "sub", "nested", "n"), "")

	got, err := ListFiles(asker(t, c), filepath.Join(root, "sub"))
	if want := []string{odd, "nested/", "x y.rs", "\xff\n"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("sub: got %q, %v, want %q", got, err, want)
	}
	got, err = ListFiles(asker(t, c), filepath.Join(root, "sub", "nested"))
	if want := []string{"n"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("nested: got %q, %v, want %q", got, err, want)
	}
}

// A submodule's files are listed as git sees them there, and its own submodules'.
func TestListFilesOfSubmodules(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	allow := func(dir string, args ...string) {
		t.Helper()
		command(t, env, dir, "git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	}
	up, deep := repo(t, env), repo(t, env)
	write(t, filepath.Join(deep, "d.c"), "")
	write(t, filepath.Join(up, "u.c"), "")
	write(t, filepath.Join(up, ".gitignore"), "*.o\n")
	for _, dir := range []string{deep, up} {
		allow(dir, "add", "-A")
		allow(dir, "commit", "-qm", "files")
	}
	allow(up, "submodule", "--quiet", "add", deep, "deep")
	allow(up, "commit", "-qm", "submodule")
	allow(root, "submodule", "--quiet", "add", up, "vendor/up")
	list := func() string {
		t.Helper()
		files, err := ListFiles(asker(t, c), filepath.Join(root, "vendor"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(files, " ")
	}
	if got, want := list(), "up/.gitignore up/.gitmodules up/a up/deep up/u.c"; got != want {
		t.Errorf("one level: %s, want %s", got, want)
	}
	allow(root, "submodule", "--quiet", "update", "--init", "--recursive")
	write(t, filepath.Join(root, "vendor/up/new.c"), "")
	write(t, filepath.Join(root, "vendor/up/new.o"), "")
	if got, want := list(), "up/.gitignore up/.gitmodules up/a up/deep/a up/deep/d.c up/new.c up/u.c"; got != want {
		t.Errorf("both levels: %s, want %s", got, want)
	}
	allow(root, "submodule", "--quiet", "deinit", "--force", "--all")
	if got, want := list(), "up"; got != want {
		t.Errorf("none: %s, want %s", got, want)
	}
}

func TestExclude(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	path := filepath.Join(root, ".git", "info", "exclude")
	write(t, path, "mine") // no newline at the end
	for range 2 {
		if err := c.Exclude("/x", ".target.tmp-*", "/x"); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if want := "mine\n/x\n.target.tmp-*\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := c.Exclude("/x"); err != nil {
		t.Errorf("without an info directory: %v", err)
	}
}

func FuzzParseWorktrees(f *testing.F) {
	f.Add("worktree /a\nHEAD 1\nbranch refs/heads/m\n\nworktree /b\nbare\n\n", "\n")
	f.Add("worktree /a\nHEAD 1\nlocked\n\nworktree /b\nlocked why not\n\n", "\n")
	f.Add("worktree /a\x00HEAD 1\x00detached\x00\x00worktree /b c\x00HEAD 1\x00\x00", "\x00")
	f.Fuzz(func(t *testing.T, out, sep string) {
		if sep == "" {
			return
		}
		for _, r := range roots(parseWorktrees(out, sep)) {
			if r == "" {
				t.Error("an empty root")
			}
		}
	})
}
