package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// What is read is what git says.
func TestSiblings(t *testing.T) {
	for _, bare := range []bool{false, true} {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		run := func(in string, args ...string) {
			t.Helper()
			cmd := exec.Command("git", args...)
			cmd.Dir = in
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %q: %v: %s", args, err, out)
			}
		}
		main := filepath.Join(dir, "main")
		run(dir, "init", "--quiet", main)
		run(main, "-c", "user.name=n", "-c", "user.email=e", "commit", "--quiet", "--allow-empty", "--message=m")
		if bare {
			run(dir, "clone", "--quiet", "--bare", main, "bare.git")
			main = filepath.Join(dir, "bare.git")
		}
		run(main, "worktree", "add", "--quiet", "--detach", filepath.Join(dir, "a b"))
		run(main, "worktree", "add", "--quiet", "--detach", filepath.Join(dir, "c"))
		run(main, "worktree", "add", "--quiet", "--detach", filepath.Join(dir, "gone"))
		if err := os.RemoveAll(filepath.Join(dir, "gone")); err != nil {
			t.Fatal(err)
		}
		c, err := Open(t.Context(), filepath.Join(dir, "c"), os.Environ())
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Worktrees(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want = slices.DeleteFunc(want, func(root string) bool { return root == c.Root })
		got := c.Siblings()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || len(got) < 2 {
			t.Errorf("bare=%v: %q, git says %q", bare, got, want)
		}
		for _, root := range append(got, c.Root, dir) {
			if there := HeadOf(root); (root == filepath.Join(dir, "gone") || root == dir) != (there == "") || there != "" && there != c.Head {
				t.Errorf("bare=%v: %s is at %q, not %q", bare, root, there, c.Head)
			}
		}
	}
}
