package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recorder makes a program that appends its arguments and place to a log.
func recorder(t *testing.T) (program, log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	program = filepath.Join(dir, "it's a cargo-cow")
	script := "#!/bin/sh\necho \"$PWD: $*\" >>'" + log + "'\nexit 7\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return program, log
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

func TestHookRunsOnNewWorktreeOnly(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	program, log := recorder(t)
	h, err := c.InstallHook(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	if h.State != HookInstalled || h.Path != filepath.Join(root, ".git", "hooks", "post-checkout") || h.Shared {
		t.Errorf("InstallHook: got %+v", h)
	}
	if h, err = c.HookState(t.Context()); err != nil || h.State != HookInstalled || h.Program != program {
		t.Errorf("HookState: got %+v, %v", h, err)
	}

	wt := filepath.Join(filepath.Dir(root), "wt")
	command(t, env, root, "git", "worktree", "add", "-q", wt+"0")
	if got := contents(t, log); got != "" {
		t.Errorf("ran without init: %q", got)
	}
	write(t, filepath.Join(root, ".git", "cargo-cow", "config.json"), "{}")
	noteAll(t, c)
	command(t, env, root, "git", "checkout", "-q", "-b", "other")
	command(t, env, root, "git", "checkout", "-q", "main")
	command(t, env, root, "git", "checkout", "-q", "--", "a")
	if got := contents(t, log); got != "" {
		t.Errorf("ran on an ordinary checkout: %q", got)
	}
	command(t, env, root, "git", "worktree", "add", "-q", wt) // succeeds though the program does not
	zero, head := strings.Repeat("0", len(c.Head)), c.Head
	if got, want := contents(t, log), wt+": restore --hook "+zero+" "+head+" 1\n"; got != want {
		t.Errorf("after worktree add: got %q, want %q", got, want)
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	command(t, env, root, "git", "worktree", "add", "-q", wt+"2") // the program is gone
}

// noteAll has a working tree say that there is nothing left to look at.
func noteAll(t *testing.T, c *Checkout) {
	t.Helper()
	old := time.Now().Add(-time.Hour) // the shell's may tell whole seconds only
	if err := os.Chtimes(filepath.Join(c.CommonDir, "cargo-cow", "config.json"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := c.NoteBuilt(true, filepath.Join(c.Root, "target")); err != nil {
		t.Fatal(err)
	}
}

func TestHookBesideTheUsers(t *testing.T) {
	env := environ(t)
	for name, user := range map[string]string{
		"plain":         "#!/bin/sh\necho user >>\"$LOG\"\n",
		"ends early":    "#!/usr/bin/env bash\nset -eu\necho user >>\"$LOG\"\nexit 0\n",
		"ends in exec":  "#!/usr/bin/env bash\nif true; then\n  exec sh -c 'echo user >>\"$LOG\"'\nelse\n  exit 1\nfi\n",
		"strict":        "#!/bin/sh -eu\necho user >>\"$LOG\"\n",
		"env -S":        "#!/usr/bin/env -S bash -eu\necho user >>\"$LOG\"\n",
		"goes away":     "#!/bin/sh\ncd /\nset -- nothing\necho user >>\"$LOG\"\n",
		"sources":       "#!/bin/sh\n. /dev/fd/3 3<<'END'\necho user >>\"$LOG\"\nexit 0\nEND\n",
		"checks out":    "#!/bin/sh\necho user >>\"$LOG\"\n[ -z \"$1\" ] || git -C \"$OTHER\" checkout -q .\n",
		"no last break": "#!/bin/sh\necho user >>\"$LOG\"",
	} {
		t.Run(name, func(t *testing.T) {
			program, log := recorder(t)
			env := append(env, "LOG="+log, "OTHER="+repo(t, env))
			root := repo(t, env)
			c := open(t, root, env)
			path := filepath.Join(root, ".git", "hooks", "post-checkout")
			write(t, path, user)
			if err := os.Chmod(path, 0o750); err != nil {
				t.Fatal(err)
			}
			if h, err := c.HookState(t.Context()); err != nil || h.State != HookForeign {
				t.Fatalf("HookState: got %+v, %v", h, err)
			}
			for _, p := range []string{"/elsewhere", program, program} {
				if _, err := c.InstallHook(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			if n := strings.Count(contents(t, path), hookBegin); n != 1 {
				t.Errorf("%d blocks, want 1", n)
			}
			if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o750 {
				t.Errorf("mode is now %v", fi.Mode())
			}
			write(t, filepath.Join(root, ".git", "cargo-cow", "config.json"), "{}")
			command(t, env, root, "git", "worktree", "add", "-q", "--detach", filepath.Join(filepath.Dir(root), "wt"))
			if got := contents(t, log); !strings.HasPrefix(got, "user\n") || strings.Count(got, "user\n") != 1 || strings.Count(got, "restore --hook") != 1 {
				t.Errorf("log: %q", got)
			}
			h, err := c.RemoveHook(t.Context())
			if err != nil || h.State != HookForeign {
				t.Errorf("RemoveHook: got %+v, %v", h, err)
			}
			if got := contents(t, path); got != user {
				t.Errorf("after removal: got %q, want %q", got, user)
			}
		})
	}
}

// A post-checkout hook that fails makes the checkout fail.
func TestHookKeepsTheUsersStatus(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	path := filepath.Join(root, ".git", "hooks", "post-checkout")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n(exit 3)"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := c.InstallHook(t.Context(), "/nonexistent"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Run(t.Context(), "checkout", "-q", "-b", "x")
	var ge *gitError
	if !errors.As(err, &ge) || ge.code == 0 {
		t.Errorf("checkout: got %v, want the hook's failure", err)
	}
}

func TestHookRemovesItsOwnFile(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	hooks := filepath.Join(root, ".git", "hooks")
	if err := os.RemoveAll(hooks); err != nil {
		t.Fatal(err)
	}
	if _, err := c.InstallHook(t.Context(), "/x/cargo-cow"); err != nil {
		t.Fatal(err)
	}
	h, err := c.RemoveHook(t.Context())
	if err != nil || h.State != HookAbsent {
		t.Errorf("RemoveHook: got %+v, %v", h, err)
	}
	if left, err := os.ReadDir(hooks); err != nil || len(left) != 0 {
		t.Errorf("left in hooks: %v, %v", left, err)
	}
	if h, err = c.RemoveHook(t.Context()); err != nil || h.State != HookAbsent {
		t.Errorf("RemoveHook again: got %+v, %v", h, err)
	}
}

func TestHookLeftAlone(t *testing.T) {
	env := environ(t)
	for name, tt := range map[string]struct {
		hooksPath string // relative to the root; "" is git's own
		text      string
		mode      os.FileMode
	}{
		"hooksPath in the worktree": {"githooks", "", 0},
		"hooksPath outside":         {"../shared", "#!/bin/sh\n", 0o755},
		"python":                    {"", "#!/usr/bin/env python3\n", 0o755},
		"binary":                    {"", "\x7fELF", 0o755},
		"not executable":            {"", "#!/bin/sh\n", 0o644},
	} {
		t.Run(name, func(t *testing.T) {
			root := repo(t, env)
			c := open(t, root, env)
			hooks := filepath.Join(root, ".git", "hooks")
			if tt.hooksPath != "" {
				hooks = filepath.Join(root, tt.hooksPath)
				command(t, env, root, "git", "config", "core.hooksPath", tt.hooksPath)
			}
			path := filepath.Join(hooks, "post-checkout")
			if tt.text != "" {
				write(t, path, tt.text)
				if err := os.Chmod(path, tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			_, err := c.InstallHook(t.Context(), "/x/cargo-cow")
			var he *HookError
			if !errors.As(err, &he) || he.Path != path || he.Help == "" {
				t.Errorf("InstallHook: got %v, want a *HookError for %s with help", err, path)
			}
			if got := contents(t, path); got != tt.text {
				t.Errorf("the hook is now %q", got)
			}
		})
	}
}

func TestHookAddedByHand(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	command(t, env, root, "git", "config", "core.hooksPath", "githooks")
	path := filepath.Join(root, "githooks", "post-checkout")
	write(t, path, "#!/bin/sh\n"+handLine+"\n")
	if h, err := c.HookState(t.Context()); err != nil || h.State != HookDisabled {
		t.Errorf("not executable: got %+v, %v", h, err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	h, err := c.InstallHook(t.Context(), "/x/cargo-cow")
	if err != nil || h.State != HookInstalled || !h.Shared {
		t.Errorf("InstallHook: got %+v, %v", h, err)
	}
	var he *HookError
	if _, err := c.RemoveHook(t.Context()); !errors.As(err, &he) {
		t.Errorf("RemoveHook: got %v, want a *HookError", err)
	}
}

func TestHooksSwitchedOff(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	command(t, env, root, "git", "config", "core.hooksPath", "/dev/null")
	if h, err := c.HookState(t.Context()); err != nil || h.State != HookAbsent || !h.Shared {
		t.Errorf("HookState: got %+v, %v", h, err)
	}
}

func FuzzHookBlock(f *testing.F) {
	f.Add("#!/bin/sh\necho\n", "/usr/bin/cargo-cow")
	f.Add("#!/bin/sh\nexit 0", "/it's/cargo-cow")
	f.Add("#!/bin/sh\nexec foo \"$@\"\n\n\n", "")
	f.Add("#!/bin/sh\n"+hookBegin+"\nx\n", "x")
	f.Fuzz(func(t *testing.T, text, program string) {
		if strings.Contains(program, "\n") || strings.Contains(text, hookBegin) {
			return
		}
		whole := addBlock(text, hookBlock(program))
		before, block, after, ok := cutBlock(whole)
		if !ok || blockProgram(block) != program {
			t.Fatalf("block not found again in %q", whole)
		}
		want := text
		if strings.HasPrefix(text, "#!") && !strings.Contains(text, "\n") {
			want += "\n"
		}
		if before+after != want {
			t.Errorf("got %q, want %q", before+after, want)
		}
		if again := addBlock(whole, hookBlock(program)); again != whole {
			t.Errorf("added twice: %q", again)
		}
	})
}
