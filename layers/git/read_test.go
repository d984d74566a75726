package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is read is what git says, or nothing. The shapes that are the most common are read,
// since else nothing is gained.
func TestReadIsWhatGitSays(t *testing.T) {
	env := environ(t)
	for name, tt := range map[string]struct {
		// prepare changes a repository with one commit, and returns the directory to be opened.
		prepare func(t *testing.T, root string, git func(args ...string)) string
		env     []string
		reads   bool
	}{
		"main working tree": {func(_ *testing.T, root string, _ func(...string)) string { return root }, nil, true},
		"by a link": {func(t *testing.T, root string, _ func(...string)) string {
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(root, link); err != nil {
				t.Fatal(err)
			}
			return link
		}, nil, true},
		"linked working tree": {func(_ *testing.T, root string, git func(...string)) string {
			git("worktree", "add", "-q", "-b", "topic/one", "../other tree")
			return filepath.Join(root, "../other tree")
		}, nil, true},
		"linked and moved": {func(_ *testing.T, root string, git func(...string)) string {
			git("worktree", "add", "-q", "-b", "topic", "../other")
			git("worktree", "move", "../other", "../moved")
			return filepath.Join(root, "../moved")
		}, nil, true},
		"linked by relative paths": {func(t *testing.T, root string, git func(...string)) string {
			git("worktree", "add", "-q", "--detach", "../other")
			write(t, filepath.Join(root, "../other/.git"), "gitdir: ../a repo/.git/worktrees/other\n")
			return filepath.Join(root, "../other")
		}, nil, true},
		"no branch": {func(_ *testing.T, root string, git func(...string)) string {
			git("checkout", "-q", "--detach")
			return root
		}, nil, true},
		"packed": {func(t *testing.T, root string, git func(...string)) string {
			git("branch", "a")
			git("branch", "main2")
			git("tag", "-m", "x", "main3")
			git("pack-refs", "--all")
			if _, err := os.Lstat(filepath.Join(root, ".git/refs/heads/main")); err == nil {
				t.Fatal("the branch is not packed")
			}
			return root
		}, nil, true},
		"packed, and newer": {func(_ *testing.T, root string, git func(...string)) string {
			git("pack-refs", "--all")
			git("commit", "-q", "--allow-empty", "-m", "b")
			return root
		}, nil, true},
		"packed, where a directory is": {func(_ *testing.T, root string, git func(...string)) string {
			git("pack-refs", "--all")
			git("branch", "-m", "main", "deep/main")
			git("pack-refs", "--all")
			return root
		}, nil, true},
		"a branch that is a dash": {func(_ *testing.T, root string, git func(...string)) string {
			git("checkout", "-q", "-b", "x/-")
			return root
		}, nil, true},
		"remote and tracked": {func(_ *testing.T, root string, git func(...string)) string {
			git("remote", "add", "origin", "../elsewhere")
			git("config", "branch.main.remote", "origin")
			return root
		}, nil, true},
		"user's variables": {func(_ *testing.T, root string, _ func(...string)) string { return root },
			[]string{"GIT_EDITOR=true", "GIT_DIR=/nowhere", "GIT_INDEX_FILE=/nowhere"}, true},

		"a directory below": {func(t *testing.T, root string, _ func(...string)) string {
			write(t, filepath.Join(root, "sub/x"), "")
			return filepath.Join(root, "sub")
		}, nil, false},
		"no commit": {func(_ *testing.T, root string, git func(...string)) string {
			git("checkout", "-q", "--orphan", "new")
			return root
		}, nil, false},
		"a branch that is another": {func(_ *testing.T, root string, git func(...string)) string {
			git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
			git("symbolic-ref", "HEAD", "refs/heads/alias")
			return root
		}, nil, false},
		"no branch of the usual kind": {func(_ *testing.T, root string, git func(...string)) string {
			git("update-ref", "refs/odd/x", "HEAD")
			git("symbolic-ref", "HEAD", "refs/odd/x")
			return root
		}, nil, false},
		"a link for HEAD": {func(t *testing.T, root string, _ func(...string)) string {
			head := filepath.Join(root, ".git/HEAD")
			if err := os.Remove(head); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("refs/heads/main", head); err != nil {
				t.Fatal(err)
			}
			return root
		}, nil, false},
		"a working tree elsewhere": {func(t *testing.T, root string, git func(...string)) string {
			other := filepath.Join(filepath.Dir(root), "other")
			write(t, filepath.Join(other, "a"), "")
			git("config", "core.worktree", other)
			return root
		}, nil, false},
		"configuration of each working tree": {func(_ *testing.T, root string, git func(...string)) string {
			git("config", "extensions.worktreeConfig", "true")
			return root
		}, nil, false},
		"configuration from elsewhere": {func(t *testing.T, root string, git func(...string)) string {
			write(t, filepath.Join(root, ".git/more"), "[core]\n")
			git("config", "include.path", "more")
			return root
		}, nil, false},
		"a submodule": {func(t *testing.T, root string, git func(...string)) string {
			git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", root, "sub")
			return filepath.Join(root, "sub")
		}, nil, false},
		"another directory for git": {func(t *testing.T, root string, _ func(...string)) string {
			if err := os.Rename(filepath.Join(root, ".git"), filepath.Join(root, "../git dir")); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(root, ".git"), "gitdir: ../git dir\n")
			return root
		}, nil, true},
		"unknown variables": {func(_ *testing.T, root string, _ func(...string)) string { return root }, []string{"GIT_CEILING_DIRECTORIES=/"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			root := repo(t, env)
			dir := tt.prepare(t, root, func(args ...string) {
				t.Helper()
				command(t, env, root, "git", args...)
			})
			env := Environ(append(env, tt.env...))
			want, err := ask(t.Context(), dir, env)
			if err != nil {
				t.Fatal(err)
			}
			got := read(dir, env)
			if (got != nil) != tt.reads {
				t.Errorf("read: %+v, want an answer: %t", got, tt.reads)
			}
			if got != nil && (got.Root != want.Root || got.GitDir != want.GitDir || got.CommonDir != want.CommonDir || got.Head != want.Head || got.Ref != want.Ref) {
				t.Errorf("read: %+v\ngit: %+v", got, want)
			}
		})
	}
}

// Where git refuses, or knows better, nothing is read.
func TestReadLeavesDoubtToGit(t *testing.T) {
	env := environ(t)
	for name, spoil := range map[string]func(root string) error{
		"no HEAD":             func(root string) error { return os.Remove(filepath.Join(root, ".git/HEAD")) },
		"an empty HEAD":       func(root string) error { return os.Truncate(filepath.Join(root, ".git/HEAD"), 0) },
		"no objects":          func(root string) error { return os.RemoveAll(filepath.Join(root, ".git/objects")) },
		"no configuration":    func(root string) error { return os.Remove(filepath.Join(root, ".git/config")) },
		"a torn branch":       func(root string) error { return os.Truncate(filepath.Join(root, ".git/refs/heads/main"), 20) },
		"a branch of nothing": func(root string) error { return os.Remove(filepath.Join(root, ".git/refs/heads/main")) },
		"bare": func(root string) error {
			return os.WriteFile(filepath.Join(root, ".git/config"), []byte("[core]\n\tbare = TRUE\n"), 0o666)
		},
		"bare, briefly": func(root string) error {
			return os.WriteFile(filepath.Join(root, ".git/config"), []byte("[core]\n\tbare\n"), 0o666)
		},
		"another form": func(root string) error {
			return os.WriteFile(filepath.Join(root, ".git/config"), []byte("[core]\n\trepositoryFormatVersion = 1\n"), 0o666)
		},
		"no git directory": func(root string) error {
			return os.Rename(filepath.Join(root, ".git"), filepath.Join(root, "git"))
		},
		"a link to the git directory": func(root string) error {
			if err := os.Rename(filepath.Join(root, ".git"), filepath.Join(root, "git")); err != nil {
				return err
			}
			return os.Symlink("git", filepath.Join(root, ".git"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := repo(t, env)
			if err := spoil(root); err != nil {
				t.Fatal(err)
			}
			if got := read(root, Environ(env)); got != nil {
				t.Errorf("read: %+v", got)
			}
		})
	}
	if os.Geteuid() == 0 {
		for _, path := range []string{"", ".git"} {
			root := repo(t, env)
			if err := os.Chown(filepath.Join(root, path), 12345, 12345); err != nil {
				t.Fatal(err)
			}
			if got := read(root, Environ(env)); got != nil {
				t.Errorf("%q of another user: read %+v", path, got)
			}
		}
	}
	if _, err := Open(t.Context(), repo(t, env), append(env, "PATH="+t.TempDir())); err == nil || !strings.Contains(err.Error(), ErrNoGit.Error()) {
		t.Errorf("without git: %v", err)
	}
}
