package survival

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/forks"
)

var (
	forkPoints   = []string{"fork.claimed", "fork.added", "fork.marked", "fork.filled", "fork.done"}
	unforkPoints = []string{"unfork.cleared", "unfork.taken", "unfork.branch"}
)

// What a fork that was killed has left, at whatever instant, is a whole worktree or taken
// away by fork --remove, which needs no force for it.
func TestKilledInFork(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	for _, point := range append([]string{"restore.cloned", "restore.staged", "replace.aside"}, forkPoints...) {
		t.Run(point, func(t *testing.T) {
			p := w.origin.in(t)
			r := p.with("CARGO_COW_CRASHPOINT="+point+"=kill").TryCow("fork", "3")
			if r.Signal != syscall.SIGKILL {
				t.Fatalf("the command did not die at %s: %v", point, r)
			}
			p.unforked()
			p.forksAgain()
		})
	}
}

// A removal that was killed is gone on with.
func TestKilledInUnfork(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	for _, point := range append([]string{"discard.renamed"}, unforkPoints...) {
		t.Run(point, func(t *testing.T) {
			p := w.origin.in(t)
			p.cow("fork", "2")
			r := p.with("CARGO_COW_CRASHPOINT="+point+"=kill").TryCow("fork", "--remove")
			if r.Signal != syscall.SIGKILL {
				t.Fatalf("the command did not die at %s: %v", point, r)
			}
			p.unforked()
			p.forksAgain()
		})
	}
}

// The same where git is killed too, at any time.
func TestForkKilledAtRandom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t))
	// Files that git takes a while to write.
	for i := range 40 {
		w.origin.Write(filepath.Join("data", string(rune('a'+i%26))+strings.Repeat("x", i)), strings.Repeat("0123456789abcdef", 20_000))
	}
	w.origin.Commit("data")
	w.sealed()
	start := time.Now()
	w.origin.cow("fork", "3")
	whole := time.Since(start)
	w.origin.unforked()
	for range 12 {
		p := w.origin.in(t)
		after := rand.N(whole)
		process := p.Start("setsid", fixture.Program(t), "--json", "fork", "3")
		time.Sleep(after)
		_ = syscall.Kill(-process.Pid(), syscall.SIGKILL)
		process.Wait()
		if p.unforked(); t.Failed() {
			t.Fatalf("killed after %v of %v", after, whole)
		}
	}
	w.origin.forksAgain()
}

// A git that was killed while it made a branch leaves the branch locked, and git never looks
// whose lock that is.
func TestForkKilledAtBranch(t *testing.T) {
	t.Parallel()
	p := newWorld(t, loopfs.Btrfs(t)).sealed().origin
	p.with("CARGO_COW_CRASHPOINT=fork.claimed=kill").TryCow("fork")
	p.Write(".git/refs/heads/fork/a-fork-1.lock", "")
	if r := p.Run("git", "branch", "fork/a-fork-1"); !strings.Contains(r.Stderr, "File exists") {
		t.Fatalf("git is not stopped by this: %v", r)
	}
	p.unforked()
	p.forksAgain()
	// The same of one that was removed, when git had begun to remove the branch.
	p.cow("fork", "2")
	p.with("CARGO_COW_CRASHPOINT=unfork.taken=kill").TryCow("fork", "--remove")
	p.Write(".git/refs/heads/fork/a-fork-1.lock", "")
	p.unforked()
	p.forksAgain()
}

// An error on the way is told, and leaves nothing behind.
func TestForkFailed(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	for _, point := range forkPoints {
		t.Run(point, func(t *testing.T) {
			p := w.origin.in(t)
			fails(t, p.with("CARGO_COW_CRASHPOINT="+point+"=error").TryCow("fork", "2"), 1, "injected fault")
			p.nothingForked()
		})
	}
}

// What is in a fork that was never whole is kept if somebody has put it there.
func TestHalfMadeForkWithWork(t *testing.T) {
	t.Parallel()
	w := newScenarioWorld(t)
	w.origin.with("CARGO_COW_CRASHPOINT=fork.marked=kill").TryCow("fork")
	b := w.at("a-fork-1")
	if !fixture.Exists(b.Dir) {
		t.Fatal("there is no half-made fork: this looks at the wrong thing")
	}
	b.Write("note", "mine")
	fixture.Eventually(t, "git has ended", func() bool { return w.origin.TryCow("fork", "--remove").Code != 5 })
	fails(t, w.origin.TryCow("fork", "--remove"), 1, "not committed")
	if b.Read("note") != "mine" {
		t.Error("the note is gone")
	}
	w.origin.Must(fixture.Program(t), "fork", "--remove", "--force")
	w.origin.nothingForked()
}

// A repository that somebody else has made has git run nothing when it is forked. Filters
// of its own, without which other files would be checked out, are refused before that.
func TestForkForeignRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	c := w.canary()
	p := w.origin
	for _, x := range foreignConfig(w, c) {
		if !strings.HasPrefix(x[0], "filter.") {
			p.Must("git", "config", "--local", x[0], x[1])
		}
	}
	c.sang()
	p.Must(fixture.Program(t), "fork", "2")
	p.Must(fixture.Program(t), "fork", "--list")
	p.Must(fixture.Program(t), "fork", "--remove")
	if ran := c.sang(); len(ran) > 0 {
		t.Errorf("fork ran %q", ran)
	}
	p.nothingForked()
	// The fixture shows something: git runs them.
	p.Run("git", "worktree", "add", "--quiet", w.Path("plain"))
	if ran := c.sang(); !slices.Contains(ran, "hook-post-checkout") || !slices.Contains(ran, "hook-reference-transaction") {
		t.Errorf("git worktree add itself ran only %q", ran)
	}
	p.Must("git", "config", "--local", "filter.evil.smudge", c.program("smudge"))
	c.sang()
	fails(t, p.TryCow("fork"), 1, "filters")
	if ran := c.sang(); len(ran) > 0 {
		t.Errorf("fork ran %q", ran)
	}
	p.nothingForked()
}

// A worktree or a branch that somebody makes under a name that was just chosen is theirs.
func TestForkTakenMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopfs.Btrfs(t)).sealed()
	p := w.origin
	fork := p.StopCow("fork.claimed", "fork")
	b := w.at("a-fork-1")
	p.Must("git", "worktree", "add", "--quiet", "-b", "mine", b.Dir)
	b.Write("note", "mine")
	fails(t, fork.Continue(), 1, "is there already")
	if b.Read("note") != "mine" {
		t.Error("the note is gone")
	}
	p.Must(fixture.Program(t), "fork", "--remove", "--force")
	if b.Read("note") != "mine" || p.Says("git", "rev-parse", "mine") == "" {
		t.Error("the note is gone")
	}
	p.Must("git", "worktree", "remove", "--force", b.Dir)
	fork = p.StopCow("fork.claimed", "fork")
	p.Must("git", "branch", "fork/a-fork-1")
	fails(t, fork.Continue(), 1, "is there already")
	p.Must("git", "branch", "--quiet", "-d", "fork/a-fork-1")
	p.nothingForked()
	// What git fails at, after it has made the branch, is taken back.
	fork = p.StopCow("fork.claimed", "fork", "--in", w.Path("place"))
	p.Must("rm", "-r", w.Path("place"))
	p.Must("touch", w.Path("place"))
	fails(t, fork.Continue(), 1, "git worktree")
	p.nothingForked()
}

// unforked removes all forks, once what was killed has ended.
func (c *checkout) unforked() {
	c.T.Helper()
	var r fixture.Result
	fixture.Eventually(c.T, "nobody holds a fork", func() bool {
		r = c.TryCow("fork", "--remove")
		return r.Code == 0 || !strings.Contains(r.Stdout, forks.ErrHeld.Error())
	})
	if r.Code != 0 {
		c.T.Errorf("fork --remove: %v", r)
	}
	c.nothingForked()
	c.checks()
}

// nothingForked checks that nothing of a fork is there.
func (c *checkout) nothingForked() {
	c.T.Helper()
	for _, pattern := range []string{c.w.Path("a-fork-[0-9]"), filepath.Join(c.Dir, ".git/cargo-cow/forks/*"), filepath.Join(c.Dir, ".git/worktrees/a-fork-*"), filepath.Join(c.Dir, ".git/refs/heads/fork/*")} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
			c.T.Errorf("left over: %q, %v", left, err)
		}
	}
	if left := c.Says("git", "for-each-ref", "refs/heads/fork"); left != "" {
		c.T.Errorf("left over: %s", left)
	}
	if left := c.Says("btrfs", "subvolume", "list", filepath.Dir(c.Dir)); strings.Contains(left, "a-fork-") {
		c.T.Errorf("left over: %s", left)
	}
}

// forksAgain checks that forks can be made, and are warm.
func (c *checkout) forksAgain() {
	c.T.Helper()
	b := c.w.at("a-fork-2").in(c.T)
	b.restored = c.Must(fixture.Program(c.T), "--json", "fork", "2").Stdout
	b.builds(nil, "first")
	if _, err := os.Lstat(c.w.Path("a-fork-1")); err != nil {
		c.T.Error(err)
	}
	c.unforked()
}
