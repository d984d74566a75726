package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

// room is what the demo may write: two targets of the project where data cannot be shared, and some air.
const room = 6 << 30

// A showing is the demo under way, and what it has seen.
type showing struct {
	ctx     context.Context
	scratch *scratch.Space
	cow     *program.Program
	meter   meter
	driver  string
	env     []string // of cargo and git, where a user has enabled the program

	origin, worktree, clone, hooked string

	cold, warm, cloned, edited, same, home, restored project.Result // same is the edit in the origin

	first          int // rows before the commands
	kept, keptHome int // codegen units after the edit
	views          bool
	added          [2]int64 // bytes, by the cold build, by the first worktree with its build
	readied        time.Duration
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
	in := func(name string) string { return filepath.Join(p.Dir, name) }
	d := &showing{
		ctx: ctx, scratch: p, origin: in("origin"), worktree: in("worktree"), clone: in("elsewhere/clone"), hooked: in("hooked"), meter: meter{scratch: p},
	}
	for _, step := range []func() error{d.prepare, d.enable, d.byItself, d.commands} {
		if err := step(); err != nil {
			return err
		}
	}
	d.print()
	return d.check()
}

// prepare makes the program and an origin, and finds out what this disk can do.
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
	// The driver decides what the demo can show: a project and a store beside it tell.
	probe := *d.cow
	probe.Store = filepath.Join(d.scratch.Dir, "probe/store")
	dir := filepath.Join(d.scratch.Dir, "probe/app")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if _, err := project.Run(d.ctx, dir, project.Env(), "cargo", "init", "--lib", "--quiet", "--name", "app"); err != nil {
		return err
	}
	inited, err := probe.Run(d.ctx, dir, "init")
	d.driver = inited.Driver
	if err == nil && !d.shares() {
		say("this disk can neither snapshot nor share data: a restore copies, and no bytes are saved")
	}
	return err
}

func (d *showing) shares() bool { return d.driver != "copy" }

// snapshots reports whether build directories are restored by themselves here.
func (d *showing) snapshots() bool { return d.driver == "btrfs" }

// enable gives the program a user of its own, who has Cargo's packages from the one who runs this.
func (d *showing) enable() error {
	home := filepath.Join(d.scratch.Dir, "home")
	cargo := filepath.Join(home, "cargo")
	if err := os.MkdirAll(cargo, 0o755); err != nil {
		return err
	}
	packages, err := project.CargoHome()
	if err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(packages, "registry"), filepath.Join(cargo, "registry")); err != nil {
		return err
	}
	d.cow.More = []string{"CARGO_HOME=" + cargo, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CACHE_HOME=" + home}
	d.env = append([]string{
		"CARGO_COW_STORE=" + d.cow.Store, "PATH=" + filepath.Dir(d.cow.Path) + string(os.PathListSeparator) + os.Getenv("PATH"),
		// Another wrapper that the user has would go before.
		"RUSTC_WRAPPER=" + d.cow.Wrapper,
	}, d.cow.More...)
	say("cargo cow enable")
	_, err = d.cow.Run(d.ctx, d.origin, "enable")
	return err
}

// byItself builds, and goes on in a worktree and in a clone, as one does without the program: nothing of it is typed.
func (d *showing) byItself() (err error) {
	if err := d.meter.start(); err != nil {
		return err
	}
	say("cold build")
	if d.cold, err = d.meter.build(d.ctx, "cold build in the origin", d.origin, d.env); err != nil {
		return err
	}
	d.added[0] = d.meter.last().added
	if !d.snapshots() {
		d.first = len(d.meter.rows)
		return nil
	}
	git := func(args ...string) error {
		_, err := project.Run(d.ctx, d.origin, project.Env(d.env...), "git", args...)
		return err
	}
	say("git worktree add, and cargo build there")
	if err := d.meter.measure("git worktree add", func() error { return git("worktree", "add", "--quiet", "-b", "fix", d.worktree) }); err != nil {
		return err
	}
	d.added[1], d.readied = d.meter.last().added, d.meter.last().elapsed
	if d.warm, err = d.meter.build(d.ctx, "cargo build in the worktree", d.worktree, d.env); err != nil {
		return err
	}
	d.added[1] += d.meter.last().added
	d.readied += d.meter.last().elapsed
	say("git clone, and cargo build there")
	if err := d.meter.measure("git clone to another path", func() error { return git("clone", "--quiet", d.origin, d.clone) }); err != nil {
		return err
	}
	if d.cloned, err = d.meter.build(d.ctx, "cargo build in the clone", d.clone, d.env); err != nil {
		return err
	}
	say("an edit, in the worktree and in the origin")
	if err := d.edit(d.worktree); err != nil {
		return err
	}
	d.home, err = project.Cargo(d.ctx, d.clone, d.env, "build", "--locked")
	d.first = len(d.meter.rows)
	return err
}

// edit edits one function in a checkout and in the origin, and builds both.
func (d *showing) edit(place string) (err error) {
	for _, dir := range []string{place, d.origin} {
		if err := project.EditDemo(dir); err != nil {
			return err
		}
	}
	// The warehouse would have the second from the first.
	env := append(slices.Clone(d.env), "CARGO_COW_WAREHOUSE=off")
	if d.edited, d.kept, err = d.meter.rebuild(d.ctx, "an edit of one function in the worktree", place, env); err != nil {
		return err
	}
	if d.same, d.keptHome, err = d.meter.rebuild(d.ctx, "the same edit in the origin", d.origin, env); err != nil {
		return err
	}
	status, err := project.Run(d.ctx, place, d.cow.Env(), d.cow.Path, "--json", "wrapper", "status")
	d.views = bytes.Contains(status, []byte(`"views":true`))
	return err
}

// commands does the same by commands: for those who want neither wrapper nor anything that acts by itself.
func (d *showing) commands() error {
	say("the same by commands, without the wrapper: disable, init --hook, snapshot, git worktree add")
	if _, err := d.cow.Run(d.ctx, d.origin, "disable"); err != nil {
		return err
	}
	if err := d.meter.measure("cargo cow init --hook", func() error {
		_, err := d.cow.Run(d.ctx, d.origin, "init", "--hook")
		return err
	}); err != nil {
		return err
	}
	if err := d.meter.measure("cargo cow snapshot", func() error {
		answer, err := d.cow.Run(d.ctx, d.origin, "snapshot")
		if err == nil && !answer.Created {
			err = errors.New("the first snapshot made no layer")
		}
		return err
	}); err != nil {
		return err
	}
	// The worktree is to have the edit, too.
	if err := project.Commit(d.ctx, d.origin, "Edit"); err != nil {
		return err
	}
	err := d.meter.measure("git worktree add, restored by the hook", func() error {
		_, err := project.Run(d.ctx, d.origin, d.cow.Env(), "git", "worktree", "add", "--quiet", "-b", "hooked", d.hooked)
		return err
	})
	if err != nil {
		return err
	}
	d.restored, err = d.meter.build(d.ctx, "cargo build in that worktree", d.hooked, d.cow.More)
	return err
}

func (d *showing) print() {
	fmt.Printf("\n%s, %d units, %s\n\n", project.Demo, len(d.cold.Units), d.driver)
	d.meter.print(d.scratch.Own && d.shares(), d.first)
	if d.snapshots() {
		fmt.Printf("\nof the codegen units that the edit leaves as they were, %d were taken over in the worktree and %d in the origin\n", d.kept, d.keptHome)
	}
}

// check asserts what the demo has shown.
func (d *showing) check() error {
	var c claims
	c.holds(len(d.cold.Compiled()) == len(d.cold.Units), "the cold build compiled %d of %d units", len(d.cold.Compiled()), len(d.cold.Units))
	warm := func(what string, r project.Result) {
		c.holds(len(r.Units) == len(d.cold.Units) && len(r.Compiled()) == 0, "%s compiled %v", what, r.Compiled())
	}
	warm("the build in the hook's worktree", d.restored)
	if d.snapshots() {
		d.checkByItself(&c, warm)
	}
	version, err := project.Run(d.ctx, d.hooked, project.Env(), filepath.Join(d.hooked, "target/debug", project.Demo.Name), "--version")
	if err != nil {
		return err
	}
	want := project.Demo.Name + " " + project.Demo.Version
	c.holds(string(bytes.TrimSpace(version)) == want, "the program says it is %q, not %q", version, want)
	return c.err()
}

func (d *showing) checkByItself(c *claims, warm func(what string, r project.Result)) {
	warm("the build in the worktree", d.warm)
	warm("the build in the clone", d.cloned)
	warm("after all that, the clone", d.home)
	c.holds(isEdit(d.edited.Compiled()), "the edit compiled %v, not the library and the program alone", d.edited.Compiled())
	c.holds(isEdit(d.same.Compiled()), "the edit in the origin compiled %v, not the library and the program alone", d.same.Compiled())
	if d.views {
		c.holds(d.kept*100 >= d.keptHome*95, "the worktree's edit took over %d codegen units, that in the origin %d", d.kept, d.keptHome)
	} else {
		say("directories cannot be shown at other paths here, so the wrapper took over nothing of the edited crate")
	}
	c.holds(d.readied < d.cold.Elapsed/4, "worktree and build took %v, a cold build %v", d.readied, d.cold.Elapsed)
	if d.scratch.Own {
		c.holds(d.added[1] < d.added[0]/10, "worktree and build added %d bytes, the cold build %d", d.added[1], d.added[0])
	}
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
