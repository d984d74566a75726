package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/rival"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

// A figure is what was measured of one tool.
type figure struct {
	tool     string
	cold     time.Duration
	add      time.Duration // median of making the worktree
	build    time.Duration // median of building it
	together time.Duration // median of both
	edited   time.Duration // median of making one, editing a function, building
	away     time.Duration // median of making one of a commit three after the one built, building
	added    int64         // bytes the first worktree took
	fresh    time.Duration // median of entering and building a clone of its own
	edit     time.Duration // median of a first edit there
	size     int64         // bytes the first clone took, built
}

// A contender is a tool at work in a directory of its own.
type contender struct {
	tool    tool
	ctx     context.Context
	scratch *scratch.Space
	bin     string // has the tool's programs
	dir     string // has all that follows
	home    string
	origin  string
	env     []string
}

// measure works in a directory of the scratch space, named after the tool.
func measure(ctx context.Context, p *scratch.Space, t tool, bin string, rounds int) (f figure, err error) {
	dir := filepath.Join(p.Dir, strings.ReplaceAll(t.name, " ", "-"))
	c := &contender{tool: t, ctx: ctx, scratch: p, bin: bin, dir: dir, home: filepath.Join(dir, "home"), origin: filepath.Join(dir, "origin")}
	if err := os.MkdirAll(c.home, 0o755); err != nil {
		return f, err
	}
	var more []string
	if t.env != nil {
		more = t.env(bin, c.home)
	}
	if c.env, err = rival.Environment(bin, c.home, more...); err != nil {
		return f, err
	}
	// Some leave a server behind, which would keep the scratch space busy.
	defer func() { err = errors.Join(err, rival.Stop(c.home)) }()

	f.tool = t.name
	if f.cold, err = c.coldBuild(); err != nil {
		return f, err
	}
	if err := c.worktrees(&f, rounds); err != nil {
		return f, err
	}
	if t.cache {
		if err := c.clones(&f, rounds); err != nil {
			return f, err
		}
	}
	return f, c.commitsOn(&f, rounds)
}

// coldBuild makes the origin and has the tool keep what was built there.
func (c *contender) coldBuild() (time.Duration, error) {
	if err := project.Fetch(c.ctx, project.Demo, c.origin); err != nil {
		return 0, err
	}
	if _, err := c.run(c.origin, "cargo", "fetch", "--locked"); err != nil {
		return 0, err
	}
	if _, err := c.all(c.origin, c.tool.ready); err != nil {
		return 0, err
	}
	cold, err := c.build(c.origin)
	if err != nil {
		return 0, err
	}
	_, err = c.all(c.origin, c.tool.keep)
	return cold, err
}

// worktrees measures new worktrees as they are, and others with an edit.
func (c *contender) worktrees(f *figure, rounds int) error {
	var adds, builds, together, edited []time.Duration
	for round := range rounds {
		before, err := c.scratch.Used()
		if err != nil {
			return err
		}
		add, build, err := c.worktree(fmt.Sprintf("fix-%d", round), edits(0))
		if err != nil {
			return err
		}
		after, err := c.scratch.Used()
		if err != nil {
			return err
		}
		if round == 0 {
			f.added = after - before
		}
		adds, builds, together = append(adds, add), append(builds, build), append(together, add+build)
		if add, build, err = c.worktree(fmt.Sprintf("edit-%d", round), edits(round+1)); err != nil {
			return err
		}
		edited = append(edited, add+build)
	}
	f.add, f.build, f.together = report.Median(adds), report.Median(builds), report.Median(together)
	f.edited = report.Median(edited)
	return nil
}

// clones measures clones at other paths, and the first edit in each.
func (c *contender) clones(f *figure, rounds int) error {
	var fresh, edit []time.Duration
	for round := range rounds {
		at := filepath.Join(c.dir, fmt.Sprintf("clone-%d", round))
		if _, err := c.run(c.dir, "git", "clone", "--quiet", c.origin, at); err != nil {
			return err
		}
		before, err := c.scratch.Used()
		if err != nil {
			return err
		}
		enter, err := c.all(at, c.tool.enter)
		if err != nil {
			return err
		}
		build, err := c.build(at)
		if err != nil {
			return err
		}
		if err := c.works(at); err != nil {
			return err
		}
		after, err := c.scratch.Used()
		if err != nil {
			return err
		}
		if round == 0 {
			f.size = after - before
		}
		fresh = append(fresh, enter+build)
		// After those of the worktrees.
		if err := edits(rounds + round + 1)(at); err != nil {
			return err
		}
		if build, err = c.build(at); err != nil {
			return err
		}
		edit = append(edit, build)
	}
	f.fresh, f.edit = report.Median(fresh), report.Median(edit)
	return nil
}

// commitsOn measures new worktrees of a commit three after the one that was built.
func (c *contender) commitsOn(f *figure, rounds int) error {
	if err := project.CommitsAhead(c.ctx, c.origin); err != nil {
		return err
	}
	var away []time.Duration
	for round := range rounds {
		add, build, err := c.worktree(fmt.Sprintf("away-%d", round), edits(0))
		if err != nil {
			return err
		}
		away = append(away, add+build)
	}
	f.away = report.Median(away)
	return nil
}

// worktree makes one, changes something in it and builds it.
func (c *contender) worktree(name string, change func(dir string) error) (add, build time.Duration, err error) {
	at := filepath.Join(c.dir, name)
	if add, err = c.run(c.origin, append(slices.Clone(c.tool.worktree), name, at)...); err != nil {
		return 0, 0, err
	}
	if err := change(at); err != nil {
		return 0, 0, err
	}
	if build, err = c.build(at); err != nil {
		return 0, 0, err
	}
	return add, build, c.works(at)
}

func (c *contender) build(dir string) (time.Duration, error) {
	return c.run(dir, c.tool.cargo, "build", "--locked")
}

// all runs commands one after the other, and returns how long they took together.
func (c *contender) all(dir string, commands [][]string) (sum time.Duration, err error) {
	for _, argv := range commands {
		d, err := c.run(dir, argv...)
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

func (c *contender) run(dir string, argv ...string) (time.Duration, error) {
	program := lookup(argv[0], c.bin)
	return report.Time(func() error {
		_, err := project.Run(c.ctx, dir, c.env, program, argv[1:]...)
		return err
	})
}

// edits makes n edits of one function, so that each n but 0 is an edit that no tool has compiled before.
func edits(n int) func(dir string) error {
	return func(dir string) error {
		for range n {
			if err := project.EditDemo(dir); err != nil {
				return err
			}
		}
		return nil
	}
}

// works checks that the worktree holds the program, whatever has built it. A tool may keep targets elsewhere, so its own
// cargo is asked.
func (c *contender) works(worktree string) error {
	out, err := project.Run(c.ctx, worktree, c.env, lookup(c.tool.cargo, c.bin), "run", "--quiet", "--locked", "--", "--version")
	if err == nil && !strings.Contains(string(out), project.Demo.Version) {
		err = fmt.Errorf("the program built in %s says it is %q", worktree, out)
	}
	return err
}

// lookup finds a tool's own program, which is not in this process's PATH.
func lookup(name, bin string) string {
	if path := filepath.Join(bin, name); !filepath.IsAbs(name) {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return name
}
