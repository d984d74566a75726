package git

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// later waits until the clock of the file system has moved, and returns a time from before.
func later(t *testing.T, dir string) int64 {
	t.Helper()
	before := changed(dir)
	for {
		name := filepath.Join(dir, "clock")
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		now := changed(name)
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if now > before {
			return now
		}
		time.Sleep(time.Millisecond)
	}
}

func TestMoved(t *testing.T) {
	env := environ(t)
	dir := repo(t, env)
	elsewhere := t.TempDir()
	moves := func(what string, args ...string) {
		t.Helper()
		time.Sleep(10 * time.Millisecond) // the kernel's clock for files moves every 4
		before := later(t, elsewhere)
		time.Sleep(10 * time.Millisecond)
		command(t, env, dir, "git", args...)
		c := open(t, dir, env)
		if at := c.Moved(); (at > before) != (what == "moves") {
			t.Errorf("git %q: it says that HEAD came there %d ns after, want that it %s", args, at-before, what)
		}
	}
	moves("moves", "commit", "-q", "--allow-empty", "-m", "second")
	moves("stays", "status")
	moves("moves", "checkout", "-q", "-b", "topic")
	moves("stays", "tag", "v1")
	moves("moves", "reset", "-q", "--hard", "HEAD~1")
	moves("moves", "checkout", "-q", "--detach")
}

func TestTouched(t *testing.T) {
	env := environ(t)
	dir := repo(t, env)
	c := open(t, dir, env)
	write := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tracked name")
	command(t, env, dir, "git", "add", "tracked name")
	first, err := c.Touched(t.Context())
	if err != nil || first == 0 {
		t.Fatalf("Touched = %d, %v", first, err)
	}
	time.Sleep(10 * time.Millisecond)
	write("untracked")
	if at, err := c.Touched(t.Context()); err != nil || at != first {
		t.Errorf("after an untracked file: %d, %v; want %d", at, err, first)
	}
	write("tracked name")
	if at, err := c.Touched(t.Context()); err != nil || at <= first {
		t.Errorf("after a tracked file: %d, %v; want more than %d", at, err, first)
	}
}

func TestTags(t *testing.T) {
	env := environ(t)
	dir := repo(t, env)
	c := open(t, dir, env)
	seen := map[string]bool{}
	var last int64
	for _, args := range [][]string{{"status"}, {"tag", "v1"}, {"tag", "-a", "-m", "x", "v2"}, {"tag", "-d", "v1"}, {"pack-refs", "--all"}} {
		time.Sleep(10 * time.Millisecond)
		command(t, env, dir, "git", args...)
		all, at, err := c.Tags(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if packed := args[0] == "pack-refs"; seen[all] != packed || at <= last && args[0] != "status" {
			t.Errorf("after git %q: digest %q (seen: %v), changed at %d, before %d", args, all, seen[all], at, last)
		}
		seen[all], last = true, at
	}
	if !seen[""] {
		t.Error("without tags there is a digest")
	}
}
