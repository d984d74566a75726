package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/place"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// room for six tools with a target or two and a cache each.
const room = 40 << 30

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

func compare(ctx context.Context, rounds int, only string) (err error) {
	p, err := place.Make(ctx, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	root := filepath.Join(cache, "cargo-cow", "rivals")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	cow, err := program.Build(ctx, filepath.Join(p.Dir, "program"))
	if err != nil {
		return err
	}

	var figures []figure
	var missing []string
	for _, t := range tools(cow) {
		if only != "" && !slices.Contains(strings.Split(only, ","), t.name) {
			continue
		}
		bin := filepath.Dir(cow.Path)
		if t.crate != nil {
			if bin, err = install(ctx, *t.crate, root); err != nil {
				if ctx.Err() != nil {
					return err
				}
				missing = append(missing, fmt.Sprintf("%s: %v", t.name, err))
				continue
			}
		}
		fmt.Fprintf(os.Stderr, "rivals: %s\n", t.name)
		f, err := measure(ctx, p, t, bin, rounds)
		if err != nil {
			if ctx.Err() != nil || t.crate == nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			missing = append(missing, fmt.Sprintf("%s: %v", t.name, err))
			continue
		}
		figures = append(figures, f)
	}
	fmt.Printf("%s; %s; median of %d worktrees; own Btrfs in a loop image: %v\n\n", report.Machine(), project.Demo, rounds, p.Own)
	if err := report.Table(os.Stdout, rows(figures)); err != nil {
		return err
	}
	for _, m := range missing {
		fmt.Printf("\nnot measured: %s\n", m)
	}
	return nil
}

// measure works in a directory of the place named after the tool.
func measure(ctx context.Context, p *place.Place, t tool, bin string, rounds int) (f figure, err error) {
	dir := filepath.Join(p.Dir, strings.ReplaceAll(t.name, " ", "-"))
	home, origin := filepath.Join(dir, "home"), filepath.Join(dir, "origin")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return f, err
	}
	env, err := environment(t, bin, home)
	if err != nil {
		return f, err
	}
	// Some leave a server behind, which would keep the place busy.
	defer func() { err = errors.Join(err, stop(home)) }()

	if err := project.Fetch(ctx, project.Demo, origin); err != nil {
		return f, err
	}
	run := func(dir string, argv ...string) (time.Duration, error) {
		argv[0] = lookup(argv[0], bin)
		return report.Time(func() error {
			_, err := project.Run(ctx, dir, env, argv[0], argv[1:]...)
			return err
		})
	}
	all := func(dir string, commands [][]string) (sum time.Duration, err error) {
		for _, argv := range commands {
			d, err := run(dir, slices.Clone(argv)...)
			if err != nil {
				return 0, err
			}
			sum += d
		}
		return sum, nil
	}
	if _, err := run(origin, "cargo", "fetch", "--locked"); err != nil {
		return f, err
	}
	if _, err := all(origin, t.ready); err != nil {
		return f, err
	}
	f.tool = t.name
	if f.cold, err = run(origin, t.cargo, "build", "--locked"); err != nil {
		return f, err
	}
	if _, err := all(origin, t.keep); err != nil {
		return f, err
	}
	// worktree makes one, does something in it and builds it.
	worktree := func(name string, change func(dir string) error) (add, build time.Duration, err error) {
		at := filepath.Join(dir, name)
		if add, err = run(origin, append(slices.Clone(t.worktree), name, at)...); err != nil {
			return 0, 0, err
		}
		if err := change(at); err != nil {
			return 0, 0, err
		}
		if build, err = run(at, t.cargo, "build", "--locked"); err != nil {
			return 0, 0, err
		}
		return add, build, works(ctx, at, env, lookup(t.cargo, bin))
	}
	same := func(string) error { return nil }
	var adds, builds, together, edited, away []time.Duration
	for round := range rounds {
		before, err := p.Used()
		if err != nil {
			return f, err
		}
		add, build, err := worktree(fmt.Sprintf("fix-%d", round), same)
		if err != nil {
			return f, err
		}
		after, err := p.Used()
		if err != nil {
			return f, err
		}
		if round == 0 {
			f.added = after - before
		}
		adds, builds, together = append(adds, add), append(builds, build), append(together, add+build)
		if add, build, err = worktree(fmt.Sprintf("edit-%d", round), edits(round+1)); err != nil {
			return f, err
		}
		edited = append(edited, add+build)
	}
	var fresh, edit []time.Duration
	for round := range rounds {
		if !t.cache {
			break
		}
		at := filepath.Join(dir, fmt.Sprintf("clone-%d", round))
		if _, err := run(dir, "git", "clone", "--quiet", origin, at); err != nil {
			return f, err
		}
		before, err := p.Used()
		if err != nil {
			return f, err
		}
		enter, err := all(at, t.enter)
		if err != nil {
			return f, err
		}
		build, err := run(at, t.cargo, "build", "--locked")
		if err != nil {
			return f, err
		}
		if err := works(ctx, at, env, lookup(t.cargo, bin)); err != nil {
			return f, err
		}
		after, err := p.Used()
		if err != nil {
			return f, err
		}
		if round == 0 {
			f.size = after - before
		}
		fresh = append(fresh, enter+build)
		if err := edits(rounds + round + 1)(at); err != nil {
			return f, err
		}
		if build, err = run(at, t.cargo, "build", "--locked"); err != nil {
			return f, err
		}
		edit = append(edit, build)
	}
	if len(fresh) > 0 {
		f.fresh, f.edit = report.Median(fresh), report.Median(edit)
	}
	if err := project.CommitsAhead(ctx, origin); err != nil {
		return f, err
	}
	for round := range rounds {
		add, build, err := worktree(fmt.Sprintf("away-%d", round), same)
		if err != nil {
			return f, err
		}
		away = append(away, add+build)
	}
	f.add, f.build, f.together = report.Median(adds), report.Median(builds), report.Median(together)
	f.edited, f.away = report.Median(edited), report.Median(away)
	return f, nil
}

// edits makes n edits of one function, so that each n is an edit that no tool has compiled before.
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
func works(ctx context.Context, worktree string, env []string, cargo string) error {
	out, err := project.Run(ctx, worktree, env, cargo, "run", "--quiet", "--locked", "--", "--version")
	if err == nil && !strings.Contains(string(out), project.Demo.Version) {
		err = fmt.Errorf("the program built in %s says it is %q", worktree, out)
	}
	return err
}

// environment gives the tool a home of its own; cargo and rustup keep theirs.
func environment(t tool, bin, home string) ([]string, error) {
	user, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	env := project.Env("HOME="+home, "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "XDG_STATE_HOME=", "XDG_RUNTIME_DIR=",
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for name, dir := range map[string]string{"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"} {
		value := os.Getenv(name)
		if value == "" {
			value = filepath.Join(user, dir)
		}
		env = append(env, name+"="+value)
	}
	if t.env != nil {
		env = append(env, t.env(bin, home)...)
	}
	return env, nil
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

// stop ends the processes that have home for their home directory: those a tool has left running.
func stop(home string) error {
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return err
	}
	var failed error
	for _, path := range environs {
		// A process may have ended since, or be another user's.
		environ, err := os.ReadFile(path)
		if err != nil || !slices.Contains(strings.Split(string(environ), "\x00"), "HOME="+home) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err != nil {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = errors.Join(failed, fmt.Errorf("stop process %d: %w", pid, err))
		}
	}
	return failed
}

// rows are the table; each duration that a tool is compared by stands with how many times cargo-cow's it is.
func rows(figures []figure) [][]string {
	table := [][]string{{"", "cold build", "new worktree until built", "of it: worktree + build", "bytes of it",
		"until a first edit is built", "three commits on, until built", "clone, built", "bytes of it", "first edit there"}}
	var us figure
	for _, f := range figures {
		if f.tool == "cargo-cow" {
			us = f
		}
	}
	times := func(d, ours time.Duration) string {
		if d == 0 {
			return "–"
		}
		return fmt.Sprintf("%s (%.1f)", report.Duration(d), float64(d)/float64(ours))
	}
	bytes := func(n int64) string {
		if n == 0 {
			return "–"
		}
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	for _, f := range figures {
		table = append(table, []string{f.tool, times(f.cold, us.cold), times(f.together, us.together),
			report.Duration(f.add) + " + " + report.Duration(f.build), bytes(f.added),
			times(f.edited, us.edited), times(f.away, us.away), times(f.fresh, us.fresh), bytes(f.size),
			times(f.edit, us.edit)})
	}
	return table
}
