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
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/rival"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

// What is claimed of builds before which nothing was typed: at most so much of the time of the best of the others.
const (
	cloneAim    = 1. / 3
	newcomerAim = 1. / 2
)

// without is the dependency that newcomers go without, so that no lockfile and no set of dependencies is one that was built:
// one that no other dependency shares features with.
var without = map[string]string{"hyperfine": "shell-words", "hexyl": "const_format", "just": "similar"}

// An entrant is a tool that was set up once, by what its documentation names, and of which nothing is asked afterwards.
type entrant struct {
	tool             tool
	bin, dir, home   string
	env              []string
	cold             time.Duration
	clones, newcomer []time.Duration
}

// A race is run by all tools in turn, with one project and one toolchain.
type race struct {
	ctx       context.Context
	space     *scratch.Space
	crate     project.Crate
	toolchain string
	cow       *program.Program
	entrants  []*entrant
	missing   []string
}

// untyped runs a race for each project and toolchain.
func untyped(ctx context.Context, rounds int, only string, projects, toolchains []string) error {
	for _, name := range projects {
		i := strings.LastIndexByte(name, '-')
		if i < 0 {
			return fmt.Errorf("read -projects: %s: want NAME-VERSION", name)
		}
		for _, toolchain := range toolchains {
			r := &race{ctx: ctx, crate: project.Crate{Name: name[:i], Version: name[i+1:]}, toolchain: toolchain}
			if err := r.run(rounds, only); err != nil {
				return fmt.Errorf("%s, %s: %w", name, toolchain, err)
			}
		}
	}
	return nil
}

func (r *race) run(rounds int, only string) (err error) {
	if r.space, err = scratch.Make(r.ctx, room); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.space.Close()) }()
	if r.cow, err = program.Build(r.ctx, filepath.Join(r.space.Dir, "program")); err != nil {
		return err
	}
	// Some leave a server behind, which would keep the scratch space busy.
	defer func() {
		for _, e := range r.entrants {
			err = errors.Join(err, rival.Stop(e.home))
		}
	}()
	source := filepath.Join(r.space.Dir, "source")
	if err := project.Fetch(r.ctx, r.crate, source); err != nil {
		return err
	}
	if _, err := project.Run(r.ctx, source, project.Env(), "cargo", "fetch", "--locked", "--quiet"); err != nil {
		return err
	}
	for _, t := range tools(r.cow) {
		// Plain cargo is what shows that a newcomer's dependencies are known ones.
		if t.untyped && (only == "" || t.name == plain || slices.Contains(strings.Split(only, ","), t.name)) {
			if err := r.enter(t, source); err != nil {
				return err
			}
		}
	}
	for n := range rounds {
		if err := r.round(n, source); err != nil {
			return err
		}
	}
	return r.print(rounds)
}

// enter sets a tool up and has it build the project once; one with which that fails is missing.
func (r *race) enter(t tool, source string) error {
	fmt.Fprintf(os.Stderr, "rivals: %s builds %s\n", t.name, r.crate)
	e := &entrant{tool: t, bin: filepath.Dir(r.cow.Path), dir: filepath.Join(r.space.Dir, strings.ReplaceAll(t.name, " ", "-"))}
	e.home = filepath.Join(e.dir, "home")
	err := func() (err error) {
		if t.crate != nil {
			if e.bin, err = rival.Install(r.ctx, *t.crate); err != nil {
				return err
			}
		}
		vars, err := program.Home(e.home)
		if err != nil {
			return err
		}
		vars = append(vars, "RUSTUP_TOOLCHAIN="+r.toolchain,
			"PATH="+strings.Join([]string{filepath.Join(e.home, t.shims), e.bin, os.Getenv("PATH")}, string(os.PathListSeparator)))
		if t.env != nil && t.setup == nil {
			vars = append(vars, t.env(e.bin, e.home)...)
		}
		e.env = project.Env(vars...)
		if t.setup != nil {
			if _, err := r.do(e, e.home, t.setup...); err != nil {
				return err
			}
		}
		e.cold, err = r.clone(e, source, "origin", r.crate.Version)
		return err
	}()
	if err != nil {
		if r.ctx.Err() != nil || t.crate == nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		r.missing = append(r.missing, fmt.Sprintf("%s: %v", t.name, err))
		return rival.Stop(e.home)
	}
	r.entrants = append(r.entrants, e)
	return nil
}

// inRound are those that take part in a round. Plain cargo builds all from nothing, and that once.
func (r *race) inRound(n int) []*entrant {
	return slices.DeleteFunc(slices.Clone(r.entrants), func(e *entrant) bool { return n > 0 && e.tool.name == plain })
}

// round has each tool build a clone of what it has built, and a newcomer.
func (r *race) round(n int, source string) error {
	inTurn := r.inRound(n)
	for _, e := range inTurn {
		took, err := r.clone(e, filepath.Join(e.dir, "origin"), fmt.Sprintf("clone-%d", n), r.crate.Version)
		if err != nil {
			return fmt.Errorf("%s: %w", e.tool.name, err)
		}
		e.clones = append(e.clones, took)
	}
	name := fmt.Sprintf("newcomer-%d", n)
	newcomer := filepath.Join(r.space.Dir, name)
	if err := project.Newcomer(r.ctx, source, name, without[r.crate.Name], newcomer); err != nil {
		return err
	}
	for _, e := range inTurn {
		took, err := r.clone(e, newcomer, name, name)
		if err != nil {
			return fmt.Errorf("%s: %w", e.tool.name, err)
		}
		e.newcomer = append(e.newcomer, took)
		if e.tool.name == plain {
			if err := known(filepath.Join(e.dir, name), filepath.Join(e.dir, "origin")); err != nil {
				return err
			}
		}
	}
	return nil
}

// clone makes a clone, builds it, which is measured, and checks that the program built there says what it should.
func (r *race) clone(e *entrant, from, name, says string) (time.Duration, error) {
	at := filepath.Join(e.dir, name)
	if err := project.Git(r.ctx, e.dir, "clone", "--quiet", from, at); err != nil {
		return 0, err
	}
	took, err := r.do(e, at, []string{"cargo", "build", "--locked"})
	if err != nil {
		return 0, err
	}
	// A tool may keep targets elsewhere, so its own cargo is asked.
	out, err := project.Run(r.ctx, at, e.env, "env", "cargo", "run", "--quiet", "--locked", "--", "--version")
	if err == nil && !strings.Contains(string(out), says) {
		err = fmt.Errorf("the program built in %s says it is %q", at, out)
	}
	return took, err
}

// do runs commands, which are looked up as the tool's user would have them looked up, and returns how long they took.
func (r *race) do(e *entrant, dir string, commands ...[]string) (time.Duration, error) {
	return report.Time(func() error {
		for _, argv := range commands {
			if _, err := project.Run(r.ctx, dir, e.env, "env", argv...); err != nil {
				return err
			}
		}
		return nil
	})
}

// known checks that all that plain cargo has compiled of others for a newcomer, it has compiled for the project: names of
// files have the features, versions and settings of their units in them.
func known(newcomer, origin string) error {
	built := 0
	for _, pattern := range []string{"*.rlib", "*.so"} {
		files, err := filepath.Glob(filepath.Join(newcomer, "target", "debug", "deps", pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if _, err := os.Stat(filepath.Join(origin, "target", "debug", "deps", filepath.Base(file))); err != nil {
				return fmt.Errorf("a dependency of the newcomer is not one of the project: %w", err)
			}
			built++
		}
	}
	if built == 0 {
		return fmt.Errorf("no dependency was built in %s", newcomer)
	}
	return nil
}

func (r *race) print(rounds int) error {
	fmt.Printf("\n%s; %s with %s; nothing typed but `git clone` and `cargo build`; tools in turn, %d rounds: all of them, and the median; load %s\n\n",
		report.Machine(), r.crate, r.toolchain, rounds, load())
	if err := report.Table(os.Stdout, untypedRows(r.entrants)); err != nil {
		return err
	}
	fmt.Println()
	for _, line := range verdicts(r.entrants) {
		fmt.Println("- " + line)
	}
	for _, m := range r.missing {
		fmt.Printf("\nnot measured: %s\n", m)
	}
	return nil
}

func untypedRows(entrants []*entrant) [][]string {
	table := [][]string{{"", "cold build", "clone built, nothing typed", "median", "new project with known dependencies", "median"}}
	all := func(times []time.Duration) string {
		var words []string
		for _, d := range times {
			words = append(words, report.Duration(d))
		}
		return strings.Join(words, ", ")
	}
	for _, e := range entrants {
		table = append(table, []string{e.tool.name, report.Duration(e.cold), all(e.clones), report.Duration(report.Median(e.clones)),
			all(e.newcomer), report.Duration(report.Median(e.newcomer))})
	}
	return table
}

// verdicts compare with the best of the others.
func verdicts(entrants []*entrant) []string {
	verdict := func(what string, aim float64, of func(e *entrant) time.Duration) string {
		var us, best *entrant
		for _, e := range entrants {
			switch {
			case e.tool.crate == nil && e.tool.name != plain:
				us = e
			case e.tool.crate != nil && (best == nil || of(e) < of(best)):
				best = e
			}
		}
		if us == nil || best == nil {
			return what + ": nothing to compare"
		}
		ratio, word := float64(of(us))/float64(of(best)), "met"
		if ratio > aim {
			word = "**missed**"
		}
		return fmt.Sprintf("%s: %.2f of the best of the others (%s), aim ≤ %.2f: %s", what, ratio, best.tool.name, aim, word)
	}
	return []string{
		verdict("clone, the first", cloneAim, func(e *entrant) time.Duration { return e.clones[0] }),
		verdict("clone, median", cloneAim, func(e *entrant) time.Duration { return report.Median(e.clones) }),
		verdict("new project, the first", newcomerAim, func(e *entrant) time.Duration { return e.newcomer[0] }),
		verdict("new project, median", newcomerAim, func(e *entrant) time.Duration { return report.Median(e.newcomer) }),
	}
}

// load is what else the machine does.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
