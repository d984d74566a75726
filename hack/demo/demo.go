package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

// room is what the demo may write: two targets of the project where data cannot be shared, and some air.
const room = 6 << 30

// A showing is the demo under way, and what it has seen.
type showing struct {
	ctx              context.Context
	scratch          *scratch.Space
	cow              *program.Program
	origin, worktree string
	meter            meter

	driver                         string
	cold, warm, home, edited, same project.Result // same is the edit in the origin
	explained                      []byte
	kept, keptHome                 int // codegen units after the edit
	views                          bool
}

func demo(ctx context.Context) (err error) {
	p, err := scratch.Make(ctx, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	say("working in %s", p.Dir)
	if p.Note != "" {
		say("no Btrfs file system of its own: %s", p.Note)
	}
	d := &showing{
		ctx: ctx, scratch: p, origin: filepath.Join(p.Dir, "origin"), worktree: filepath.Join(p.Dir, "worktree"), meter: meter{scratch: p},
	}
	for _, step := range []func() error{d.prepare, d.seal, d.restore, d.edit} {
		if err := step(); err != nil {
			return err
		}
	}
	d.print()
	return d.check()
}

// prepare makes the program and an origin that is at home with it.
func (d *showing) prepare() (err error) {
	if d.cow, err = program.Build(d.ctx, filepath.Join(d.scratch.Dir, "program")); err != nil {
		return err
	}
	say("fetching %s and its dependencies", project.Demo)
	if err := project.Fetch(d.ctx, project.Demo, d.origin); err != nil {
		return err
	}
	if _, err := project.Run(d.ctx, d.origin, project.Env(), "cargo", "fetch", "--locked"); err != nil {
		return err
	}
	// The driver decides what the demo can show.
	inited, err := d.cow.Run(d.ctx, d.origin, "init", "--hook")
	if err != nil {
		return err
	}
	d.driver = inited.Driver
	if !d.shares() {
		say("this disk can neither snapshot nor share data: a restore copies, and no bytes are saved")
	}
	return nil
}

func (d *showing) shares() bool { return d.driver != "copy" }

// seal builds the origin and makes a layer of it.
func (d *showing) seal() (err error) {
	if err := d.meter.start(); err != nil {
		return err
	}
	say("cold build")
	if d.cold, err = d.meter.build(d.ctx, "cold build in the origin", d.origin, nil); err != nil {
		return err
	}
	say("snapshot")
	return d.meter.measure("snapshot", func() error {
		answer, err := d.cow.Run(d.ctx, d.origin, "snapshot")
		if err == nil && !answer.Created {
			err = errors.New("the first snapshot made no layer")
		}
		return err
	})
}

// restore makes a worktree, which the hook restores, and builds it and the origin.
func (d *showing) restore() error {
	say("git worktree add, with the hook")
	err := d.meter.measure("git worktree add, restored by the hook", func() error {
		_, err := project.Run(d.ctx, d.origin, d.cow.Env(), "git", "worktree", "add", "--quiet", "-b", "fix", d.worktree)
		return err
	})
	if err != nil {
		return err
	}
	// Before the build, for the reader of a failure: it is a promise about the build.
	if d.explained, err = project.Run(d.ctx, d.worktree, d.cow.Env(), d.cow.Path, "explain"); err != nil {
		return err
	}
	say("build in the worktree")
	if d.warm, err = d.meter.build(d.ctx, "build in the worktree", d.worktree, nil); err != nil {
		return err
	}
	d.home, err = project.Cargo(d.ctx, d.origin, nil, "build", "--locked")
	return err
}

// edit edits one function in the worktree and in the origin, and builds both.
func (d *showing) edit() error {
	say("build after an edit, in the worktree with the wrapper and in the origin without")
	for _, dir := range []string{d.worktree, d.origin} {
		if err := project.EditDemo(dir); err != nil {
			return err
		}
	}
	var err error
	wrapped := []string{"RUSTC_WRAPPER=" + d.cow.Wrapper}
	if d.edited, d.kept, err = d.meter.rebuild(d.ctx, "an edit of one function, with the wrapper", d.worktree, wrapped); err != nil {
		return err
	}
	if d.same, d.keptHome, err = d.meter.rebuild(d.ctx, "the same edit in the origin", d.origin, nil); err != nil {
		return err
	}
	status, err := project.Run(d.ctx, d.worktree, d.cow.Env(), d.cow.Path, "--json", "wrapper", "status")
	d.views = bytes.Contains(status, []byte(`"views":true`))
	return err
}

func (d *showing) print() {
	fmt.Printf("\n%s, %d units, %s\n\n", project.Demo, len(d.cold.Units), d.driver)
	d.meter.print(d.scratch.Own && d.shares())
	fmt.Printf("\nof the codegen units that the edit leaves as they were, %d were taken over in the worktree and %d in the origin\n", d.kept, d.keptHome)
}

// check asserts what the demo has shown.
func (d *showing) check() error {
	var c claims
	c.holds(len(d.cold.Compiled()) == len(d.cold.Units), "the cold build compiled %d of %d units", len(d.cold.Compiled()), len(d.cold.Units))
	c.holds(len(d.warm.Units) == len(d.cold.Units) && len(d.warm.Compiled()) == 0, "the worktree's build compiled %v; explain had said:\n%s", d.warm.Compiled(), d.explained)
	c.holds(isEdit(d.edited.Compiled()), "the edit compiled %v, not the library and the program alone", d.edited.Compiled())
	if d.views {
		c.holds(d.kept*100 >= d.keptHome*95, "the worktree's edit took over %d codegen units, that in the origin %d", d.kept, d.keptHome)
	} else {
		say("directories cannot be shown at other paths here, so the wrapper had nothing to do")
	}
	c.holds(isEdit(d.same.Compiled()), "the edit in the origin compiled %v, not the library and the program alone", d.same.Compiled())
	c.holds(len(d.home.Compiled()) == 0, "the worktree's builds made the origin compile %v", d.home.Compiled())
	// The rows are the cold build, the snapshot, the worktree and its build.
	cold, worktree, build := d.meter.rows[0], d.meter.rows[2], d.meter.rows[3]
	if d.shares() {
		ready := worktree.elapsed + build.elapsed
		c.holds(ready < d.cold.Elapsed/4, "worktree and build took %v, a cold build %v", ready, d.cold.Elapsed)
	}
	if d.scratch.Own && d.shares() {
		more := worktree.added + build.added
		c.holds(more < cold.added/10, "worktree and build added %d bytes, the cold build %d", more, cold.added)
	}
	version, err := project.Run(d.ctx, d.worktree, project.Env(), filepath.Join(d.worktree, "target/debug", project.Demo.Name), "--version")
	if err != nil {
		return err
	}
	want := project.Demo.Name + " " + project.Demo.Version
	c.holds(string(bytes.TrimSpace(version)) == want, "the program says it is %q, not %q", version, want)
	return c.err()
}

// isEdit tells whether an edit of the library compiled it and what depends on it, no more.
func isEdit(compiled []project.Unit) bool {
	name := project.Demo.Name
	return len(compiled) == 2 &&
		slices.ContainsFunc(compiled, func(u project.Unit) bool { return u.Package == name && u.Kind == "lib" }) &&
		slices.ContainsFunc(compiled, func(u project.Unit) bool { return u.Package == name && u.Kind == "bin" })
}

// claims collects what did not hold of what the demo asserts.
type claims []error

func (c *claims) holds(ok bool, format string, args ...any) {
	if !ok {
		*c = append(*c, fmt.Errorf(format, args...))
	}
}

func (c claims) err() error { return errors.Join(c...) }

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "demo: "+format+"\n", args...)
}
