package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSameTree(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	head := func() string { return strings.TrimSpace(command(t, env, root, "git", "rev-parse", "HEAD")) }
	first := head()
	command(t, env, root, "git", "commit", "-q", "--allow-empty", "-m", "b")
	second := head()
	write(t, filepath.Join(root, "a"), "b\n")
	command(t, env, root, "git", "commit", "-q", "-a", "-m", "c")
	c := open(t, root, env)
	if same, err := c.SameTree(t.Context(), first, second); !same || err != nil {
		t.Errorf("commits with equal files: got %t, %v", same, err)
	}
	if same, err := c.SameTree(t.Context(), first, c.Head); same || err != nil {
		t.Errorf("commits that differ: got %t, %v", same, err)
	}
	if _, err := c.SameTree(t.Context(), first, strings.Repeat("1", len(first))); err == nil {
		t.Error("a commit that is not there: no error")
	}
	if _, err := c.SameTree(t.Context(), first, "--all"); !errors.Is(err, ErrUnknownCommit) {
		t.Errorf("no id: got %v", err)
	}
}

func TestRebasing(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	write(t, filepath.Join(root, "a"), "b\n")
	command(t, env, root, "git", "commit", "-q", "-a", "-m", "b")
	command(t, env, root, "git", "checkout", "-q", "-b", "other", "HEAD~")
	write(t, filepath.Join(root, "a"), "c\n")
	command(t, env, root, "git", "commit", "-q", "-a", "-m", "c")
	c := open(t, root, env)
	for _, backend := range []string{"--merge", "--apply"} {
		if c.Rebasing() {
			t.Fatalf("before rebase %s: rebasing", backend)
		}
		if _, err := c.Run(t.Context(), "rebase", "-q", backend, "main"); err == nil {
			t.Fatalf("rebase %s has no conflict", backend)
		}
		if !c.Rebasing() {
			t.Errorf("amid rebase %s: not rebasing", backend)
		}
		command(t, env, root, "git", "rebase", "--abort")
	}
}

// Switched on, the hook runs when another commit is checked out, and only then.
func TestHookRunsOnSwitch(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	program, log := recorder(t)
	user := "#!/bin/sh\nset -eu\necho \"user $3\" >>'" + log + "'\n"
	path := filepath.Join(root, ".git", "hooks", "post-checkout")
	write(t, path, user)
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := c.InstallHook(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, ".git", "cargo-cow", "config.json"), "{}")
	noteAll(t, c)
	command(t, env, root, "git", "checkout", "-q", "-b", "other")
	write(t, filepath.Join(root, "a"), "b\n")
	command(t, env, root, "git", "commit", "-q", "-a", "-m", "b")
	next := strings.TrimSpace(command(t, env, root, "git", "rev-parse", "HEAD"))

	run := func(extra []string, args ...string) string {
		t.Helper()
		if err := os.Remove(log); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		command(t, append(env, extra...), root, "git", args...)
		return contents(t, log)
	}
	if got := run(nil, "switch", "-q", "main"); got != "user 1\n" {
		t.Errorf("switched off: %q", got)
	}
	if c.SwitchOn() {
		t.Error("on before SetSwitch")
	}
	for range 2 {
		if err := c.SetSwitch(true); err != nil {
			t.Fatal(err)
		}
	}
	if !c.SwitchOn() {
		t.Error("off after SetSwitch")
	}
	ran := "user 1\n" + root + ": restore --hook " + c.Head + " " + next + " 1\n"
	if got := run(nil, "switch", "-q", "other"); got != ran {
		t.Errorf("switched on: got %q, want %q", got, ran)
	}
	for _, tt := range []struct {
		what, want string
		env        []string
		args       []string
	}{
		{"a new branch", "user 1\n", nil, []string{"checkout", "-q", "-b", "same"}},
		{"one file", "user 0\n", nil, []string{"checkout", "-q", "main", "--", "a"}},
		{"off by the environment", "user 1\n", []string{HookOff}, []string{"checkout", "-q", "-f", "main"}},
	} {
		if got := run(tt.env, tt.args...); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.what, got, tt.want)
		}
	}
	for range 2 {
		if err := c.SetSwitch(false); err != nil {
			t.Fatal(err)
		}
	}
	if got := run(nil, "switch", "-q", "other"); got != "user 1\n" {
		t.Errorf("switched off again: %q", got)
	}
}

// A block that an earlier version of this program wrote is brought up to date.
func TestHookBlockIsUpdated(t *testing.T) {
	env := environ(t)
	root := repo(t, env)
	c := open(t, root, env)
	path := filepath.Join(root, ".git", "hooks", "post-checkout")
	write(t, path, hookHead+hookBegin+"\n\tcargo_cow='/x/cargo-cow'\n"+hookEnd+"\n")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := c.InstallHook(t.Context(), "/x/cargo-cow"); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, path), hookHead+hookBlock("/x/cargo-cow"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
