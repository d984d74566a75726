package agents

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// many are as many agents as a person may start.
const many = 12

// Of worktrees that are made at once, and built at once, each is warm, and what their origin has
// built is sealed once. Git takes turns: two of it at once may fail (git 2.39: "failed to read
// .git/worktrees/x/commondir").
func TestManyAtOnce(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.repository()
		var all []*fixture.Process
		for n := range many {
			all = append(all, w.origin.Start("sh", "-c",
				`flock .git/turns git worktree add --quiet --detach "$0" && cd "$0" && exec cargo build --message-format=json`, w.Path(fmt.Sprint("agent", n))))
		}
		for n, p := range all {
			c := w.At(fmt.Sprint("agent", n))
			if got := fixture.Compiled(t, p.Wait()); len(got) > 0 || !fixture.IsRestored(c.Target()) {
				t.Errorf("%s: built %q, restored: %v", c.Dir, got, fixture.IsRestored(c.Target()))
			}
			wantTidy(c)
		}
		if list := layers(w.origin); len(list) != 1 {
			t.Errorf("%d layers were sealed: %v", len(list), list)
		}
		for n := range many {
			wantRight(w.At(fmt.Sprint("agent", n)), fmt.Sprint("of", n))
		}
	})
}

// What an agent is at work on was built last, and is not what a new worktree begins with, while
// there is one in which nothing is edited.
func TestBesideEdited(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.repository()
		agent := w.origin.Worktree("agent")
		wantWarm(agent, "build")
		ran(w.origin, "test", "--no-run")
		wantRight(agent, "agent")
		agent.Must("cargo", "test", "--no-run")
		// A copy of what is edited begins with what was built of that.
		copied := w.At("copy")
		w.At("").Must("sh", "-c", `cp -a "$0" "$1" && rm -r "$1/target"`, agent.Dir, copied.Dir)
		wantWarm(copied, "build")
		c := w.origin.Worktree("place")
		wantWarm(c, "test", "--no-run")
		wantWarm(c, "build")
	})
}

// A worktree inside the checkout that it is of is its own: each is warm, and what one builds is
// nothing to the other.
func TestWorktreeInside(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.repository()
		c := w.origin.Worktree("origin/.agents/worktrees/x")
		wantWarm(c, "build")
		wantRight(c, "agent")
		if got := ran(w.origin, "build"); len(got) > 0 {
			t.Errorf("the origin builds %q", got)
		}
		second := c.Worktree("origin/.agents/worktrees/y")
		wantWarm(second, "build")
		if got := second.Says("cargo", "run", "--quiet"); got != says {
			t.Errorf("the second one says %q", got)
		}
		w.origin.Must("git", "worktree", "remove", "--force", c.Dir)
		if fixture.Exists(c.Dir) {
			t.Errorf("git has not removed %s", c.Dir)
		}
	})
}

// The working trees of a bare repository have none above them that was there first: the second
// one is warm from the first.
func TestBareRepository(t *testing.T) {
	eachCargo(t, func(t *testing.T, w *world) {
		w.origin.Repository()
		w.origin.Must("git", "clone", "--quiet", "--bare", ".", w.Path("project/.bare"))
		// As those who keep their worktrees beside it have it.
		w.Write("project/.git", "gitdir: ./.bare\n")
		project := w.At("project")
		one := project.Worktree("project/one")
		if got := ran(one, "build"); len(got) == 0 {
			t.Error("the first one builds nothing")
		}
		two := project.Worktree("project/two")
		wantWarm(two, "build")
		wantRight(two, "second")
		if got := ran(one, "build"); len(got) > 0 {
			t.Errorf("the first one builds %q", got)
		}
	})
}

// jj gives its workspaces no .git, unless one is colocated. One with the same lockfile is warm,
// also inside another one, and what was removed does not come back by itself.
func TestJJ(t *testing.T) {
	table := map[string]struct {
		colocated bool
		at        string
		builds    []string
	}{
		"beside":                 {at: "second"},
		"beside a colocated one": {at: "second", colocated: true},
		// Without git nothing tells that its files are none of the first one's, which scripts may read.
		"inside":                 {at: "origin/.agents/x", builds: []string{"app/app/bin"}},
		"inside a colocated one": {at: "origin/.agents/x", colocated: true},
	}
	for name, c := range table {
		t.Run(name, func(t *testing.T) {
			byTurns(t, turn(table, name), func(t *testing.T, w *world) {
				w.origin.Write(".jj/repo/store/type", "git")
				if c.colocated {
					w.origin.Write(".gitignore", w.origin.Read(".gitignore")+".jj\n")
					w.origin.Repository()
				}
				w.origin.Must("cargo", "build")
				second := w.At(c.at)
				second.Lay(workspace)
				second.Write("Cargo.lock", w.origin.Read("Cargo.lock"))
				second.Write(".jj/repo", w.origin.Path(".jj/repo"))
				if got := ran(second, "build"); !slices.Equal(got, c.builds) || !fixture.IsRestored(second.Target()) {
					t.Errorf("built %q, restored: %v", got, fixture.IsRestored(second.Target()))
				}
				wantTidy(second)
				wantRight(second, "second")
				if got := ran(w.origin, "build"); len(got) > 0 {
					t.Errorf("the first one builds %q", got)
				}
				second.Must("cargo", "clean")
				if got := ran(second, "build"); !slices.Contains(got, "four/four/lib") || fixture.IsRestored(second.Target()) {
					t.Errorf("after cargo clean: built %q, restored: %v", got, fixture.IsRestored(second.Target()))
				}
			})
		})
	}
}

// A copy of a checkout without its build directory is a checkout like any other. One with it is
// cargo's: what it finds there is of another path.
func TestCopy(t *testing.T) {
	table := map[string]struct {
		copy string
		warm bool
	}{
		"without target":           {`cp -a "$0" "$1" && rm -r "$1/target"`, true},
		"without target and git":   {`cp -a "$0" "$1" && rm -r "$1/target" "$1/.git"`, true},
		"without target or times":  {`cp -r "$0" "$1" && rm -r "$1/target"`, true},
		"with target":              {`cp -a "$0" "$1"`, false},
		"with target, as reflinks": {`cp -a --reflink=always "$0" "$1"`, false},
	}
	for name, copied := range table {
		t.Run(name, func(t *testing.T) {
			byTurns(t, turn(table, name), func(t *testing.T, w *world) {
				w.repository()
				// What was restored says where it is from, and the copy says so too.
				from := w.origin.Worktree("from")
				wantWarm(from, "build")
				from.Must("sh", "-c", "rm .git && git init --quiet && git add --all && git commit --quiet --message=x")
				for _, origin := range []*fixture.Checkout{w.origin, from} {
					c := w.At("copy-of-" + origin.Name())
					w.At("").Must("sh", "-c", copied.copy, origin.Dir, c.Dir)
					if copied.warm {
						wantWarm(c, "build")
					} else {
						c.Must("cargo", "build")
					}
					wantRight(c, "copy")
					if got := ran(origin, "build"); len(got) > 0 {
						t.Errorf("the origin builds %q", got)
					}
					if got := origin.Says(origin.Target("debug/app")); got != says {
						t.Errorf("the origin says %q", got)
					}
					c.Cow("restore")
					wantRightAgain(c)
				}
			})
		})
	}
}

// wantRightAgain fails unless the program says what its sources, as wantRight has edited them, do.
func wantRightAgain(c *fixture.Checkout) {
	c.T.Helper()
	if got := c.Says("cargo", "run", "--quiet"); got != strings.Replace(says, "lib", "copy", 1) {
		c.T.Errorf("in %s the program says %q after a restore", c.Dir, got)
	}
}
