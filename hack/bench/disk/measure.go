package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/rival"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

// room is for the targets of the worktrees, and a cache.
const room = 24 << 30

var errNoBtrfs = errors.New("there is no Btrfs of its own to measure on")

// A figure is what was measured of one tool.
type figure struct {
	tool   string
	bytes  int64         // in use, beyond what was before the first build
	first  int64         // of these, after the first build
	time   time.Duration // of all builds, and of what the tool's user does beside them
	survey survey
	// Of the projects' units and packages, what part all have.
	units, packages []float64
}

// A contender is a tool at work on a file system of its own.
type contender struct {
	tool   tool
	ctx    context.Context
	space  *scratch.Space
	bin    string // has the tool's programs
	env    []string
	before int64
	figure figure
}

// measure has the tool play a scene.
func measure(ctx context.Context, t tool, bin string, scene func(c *contender) ([]target, error)) (f figure, err error) {
	space, err := scratch.Make(ctx, room)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, space.Close()) }()
	if !space.Own {
		return f, fmt.Errorf("%w: %s", errNoBtrfs, space.Note)
	}
	if t.compressed { // whatever is made in it takes after it
		if _, err := project.Run(ctx, "", nil, "btrfs", "property", "set", space.Dir, "compression", compression); err != nil {
			return f, err
		}
	}
	c := &contender{tool: t, ctx: ctx, space: space, bin: bin, figure: figure{tool: t.name}}
	home := filepath.Join(space.Dir, "home")
	if err := os.Mkdir(home, 0o755); err != nil {
		return f, err
	}
	var more []string
	if t.env != nil {
		more = t.env(bin, home)
	}
	if c.env, err = rival.Environment(bin, home, more...); err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, rival.Stop(home)) }()
	targets, err := scene(c)
	if err == nil {
		err = c.do(space.Dir, t.end)
	}
	if err != nil {
		return f, err
	}
	used, err := c.used()
	if err != nil {
		return f, err
	}
	c.figure.bytes = used - c.before
	c.figure.survey, err = look(targets)
	return c.figure, err
}

// projects builds one project after the other.
func projects(c *contender) (targets []target, err error) {
	var dirs []string
	for _, s := range samples {
		dir := filepath.Join(c.space.Dir, s.name)
		if err := c.fetch(s, dir); err != nil {
			return nil, err
		}
		targets, dirs = append(targets, target{filepath.Join(dir, "target"), s.name}), append(dirs, filepath.Join(dir, "target"))
	}
	if c.before, err = c.used(); err != nil {
		return nil, err
	}
	for i, s := range samples {
		dir := filepath.Join(c.space.Dir, s.name)
		if err := c.do(dir, c.tool.ready); err != nil {
			return nil, err
		}
		if i > 0 {
			err = c.do(dir, c.tool.enter)
		}
		if err == nil {
			err = c.build(s, dir)
		}
		if err == nil {
			err = c.do(dir, c.tool.keep)
		}
		if err == nil {
			err = c.told(s.name, i == 0)
		}
		if err != nil {
			return nil, err
		}
	}
	c.figure.units, c.figure.packages, err = share(dirs)
	return targets, err
}

// inWorktrees builds one project, and then n worktrees of it as they are.
func inWorktrees(n int) func(c *contender) ([]target, error) {
	return func(c *contender) (targets []target, err error) {
		s := samples[0]
		origin := filepath.Join(c.space.Dir, s.name)
		if err := c.fetch(s, origin); err != nil {
			return nil, err
		}
		if c.before, err = c.used(); err != nil {
			return nil, err
		}
		if err := c.do(origin, c.tool.ready); err != nil {
			return nil, err
		}
		if err := c.build(s, origin); err != nil {
			return nil, err
		}
		if err := c.do(origin, c.tool.keep); err != nil {
			return nil, err
		}
		if err := c.told("the origin", true); err != nil {
			return nil, err
		}
		targets = append(targets, target{filepath.Join(origin, "target"), s.name})
		for i := range n {
			name := fmt.Sprintf("worktree-%d", i+1)
			dir := filepath.Join(c.space.Dir, name)
			if err := c.do(origin, [][]string{{"git", "worktree", "add", "--quiet", "-b", name, dir}}); err != nil {
				return nil, err
			}
			if err := c.build(s, dir); err != nil {
				return nil, err
			}
			if err := c.told(name, false); err != nil {
				return nil, err
			}
			targets = append(targets, target{filepath.Join(dir, "target"), s.name})
		}
		return targets, nil
	}
}

// fetch writes the project, and has cargo fetch what it needs.
func (c *contender) fetch(s sample, dir string) error {
	if err := s.write(c.ctx, dir); err != nil {
		return err
	}
	_, err := project.Run(c.ctx, dir, project.Env(), "cargo", "fetch", "--locked")
	return err
}

// build builds the project and its tests, and has its program say what it says.
func (c *contender) build(s sample, dir string) error {
	err := c.do(dir, [][]string{{"cargo", "build", "--quiet", "--locked"}, {"cargo", "test", "--quiet", "--no-run", "--locked"}})
	if err != nil {
		return err
	}
	out, err := project.Run(c.ctx, dir, c.env, filepath.Join(dir, "target", "debug", s.name))
	if err == nil && string(out) != s.says {
		err = fmt.Errorf("the program built in %s says %q, want %q", dir, out, s.says)
	}
	return err
}

// do runs commands one after the other, and counts how long they take.
func (c *contender) do(dir string, commands [][]string) error {
	for _, argv := range commands {
		program := argv[0]
		// The tool's own, which is not in this process's PATH.
		if own := filepath.Join(c.bin, program); !filepath.IsAbs(program) {
			if _, err := os.Stat(own); err == nil {
				program = own
			}
		}
		d, err := report.Time(func() error {
			_, err := project.Run(c.ctx, dir, c.env, program, argv[1:]...)
			return err
		})
		if err != nil {
			return err
		}
		c.figure.time += d
	}
	return nil
}

// told says on the way what is in use.
func (c *contender) told(what string, first bool) error {
	used, err := c.used()
	if err != nil {
		return err
	}
	if first {
		c.figure.first = used - c.before
	}
	fmt.Fprintf(os.Stderr, "disk: %s: %s built: %s, %s in all\n", c.tool.name, what, megabytes(used-c.before), report.Duration(c.figure.time))
	return nil
}

// used is what the file system has in use when it is done with all that was written and removed.
func (c *contender) used() (int64, error) {
	if _, err := c.space.Used(); err != nil {
		return 0, err
	}
	for _, argv := range [][]string{{"subvolume", "sync"}, {"filesystem", "sync"}} {
		if _, err := project.Run(c.ctx, "", nil, "btrfs", append(argv, c.space.Dir)...); err != nil {
			return 0, err
		}
	}
	return c.space.Used()
}

func megabytes(n int64) string { return fmt.Sprintf("%s MB", report.Count(int((n+500_000)/1_000_000))) }
