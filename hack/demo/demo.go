package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/place"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// room is what the demo may write: two targets of the project where data cannot be shared, and some air.
const room = 6 << 30

// A row is one line of the table.
type row struct {
	what     string
	elapsed  time.Duration
	compiled string
	added    int64 // bytes; unknown when negative
}

func demo(ctx context.Context) (err error) {
	p, err := place.Make(ctx, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	say("working in %s", p.Dir)
	if p.Note != "" {
		say("no Btrfs file system of its own: %s", p.Note)
	}

	cow, err := program.Build(ctx, filepath.Join(p.Dir, "program"))
	if err != nil {
		return err
	}
	origin, worktree := filepath.Join(p.Dir, "origin"), filepath.Join(p.Dir, "worktree")
	say("fetching %s and its dependencies", project.Demo)
	if err := project.Fetch(ctx, project.Demo, origin); err != nil {
		return err
	}
	if _, err := project.Run(ctx, origin, project.Env(), "cargo", "fetch", "--locked"); err != nil {
		return err
	}
	// The driver decides what the demo can show.
	inited, err := cow.Run(ctx, origin, "init", "--hook")
	if err != nil {
		return err
	}
	shares := inited.Driver != "copy"
	if !shares {
		say("this disk can neither snapshot nor share data: a restore copies, and no bytes are saved")
	}

	m := meter{place: p}
	if err := m.start(); err != nil {
		return err
	}
	say("cold build")
	cold, err := m.build(ctx, "cold build in the origin", origin, nil)
	if err != nil {
		return err
	}
	say("snapshot")
	err = m.measure("snapshot", func() error {
		answer, err := cow.Run(ctx, origin, "snapshot")
		if err == nil && !answer.Created {
			err = errors.New("the first snapshot made no layer")
		}
		return err
	})
	if err != nil {
		return err
	}
	say("git worktree add, with the hook")
	err = m.measure("git worktree add, restored by the hook", func() error {
		_, err := project.Run(ctx, origin, cow.Env(), "git", "worktree", "add", "--quiet", "-b", "fix", worktree)
		return err
	})
	if err != nil {
		return err
	}
	// Before the build, for the reader of a failure: it is a promise about the build.
	explained, err := project.Run(ctx, worktree, cow.Env(), cow.Path, "explain")
	if err != nil {
		return err
	}
	say("build in the worktree")
	warm, err := m.build(ctx, "build in the worktree", worktree, nil)
	if err != nil {
		return err
	}
	home, err := project.Cargo(ctx, origin, nil, "build", "--locked")
	if err != nil {
		return err
	}
	say("build after an edit, in the worktree with the wrapper and in the origin without")
	for _, dir := range []string{worktree, origin} {
		if err := project.EditDemo(dir); err != nil {
			return err
		}
	}
	edited, kept, err := m.rebuild(ctx, "an edit of one function, with the wrapper", worktree, []string{"RUSTC_WRAPPER=" + cow.Wrapper})
	if err != nil {
		return err
	}
	editedHome, keptHome, err := m.rebuild(ctx, "the same edit in the origin", origin, nil)
	if err != nil {
		return err
	}
	status, err := project.Run(ctx, worktree, cow.Env(), cow.Path, "--json", "wrapper", "status")
	if err != nil {
		return err
	}
	views := bytes.Contains(status, []byte(`"views":true`))

	fmt.Printf("\n%s, %d units, %s\n\n", project.Demo, len(cold.Units), inited.Driver)
	m.print(p.Own && shares)
	fmt.Printf("\nof the codegen units that the edit leaves as they were, %d were taken over in the worktree and %d in the origin\n", kept, keptHome)
	var c claims
	c.holds(len(cold.Compiled()) == len(cold.Units), "the cold build compiled %d of %d units", len(cold.Compiled()), len(cold.Units))
	c.holds(len(warm.Units) == len(cold.Units) && len(warm.Compiled()) == 0, "the worktree's build compiled %v; explain had said:\n%s", warm.Compiled(), explained)
	c.holds(isEdit(edited.Compiled()), "the edit compiled %v, not the library and the program alone", edited.Compiled())
	if views {
		c.holds(kept*100 >= keptHome*95, "the worktree's edit took over %d codegen units, that in the origin %d", kept, keptHome)
	} else {
		say("directories cannot be shown at other paths here, so the wrapper had nothing to do")
	}
	c.holds(isEdit(editedHome.Compiled()), "the edit in the origin compiled %v, not the library and the program alone", editedHome.Compiled())
	c.holds(len(home.Compiled()) == 0, "the worktree's builds made the origin compile %v", home.Compiled())
	if shares {
		ready := m.rows[2].elapsed + m.rows[3].elapsed
		c.holds(ready < cold.Elapsed/4, "worktree and build took %v, a cold build %v", ready, cold.Elapsed)
	}
	if p.Own && shares {
		added := m.rows[2].added + m.rows[3].added
		c.holds(added < m.rows[0].added/10, "worktree and build added %d bytes, the cold build %d", added, m.rows[0].added)
	}
	version, err := project.Run(ctx, worktree, project.Env(), filepath.Join(worktree, "target/debug", project.Demo.Name), "--version")
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

// A meter times steps and asks the file system what each has added.
type meter struct {
	place *place.Place
	used  int64
	rows  []row
}

func (m *meter) start() (err error) {
	m.used, err = m.place.Used()
	return err
}

// measure does a step; the row's count of compiled units is the caller's to fill in.
func (m *meter) measure(what string, step func() error) error {
	start := time.Now()
	if err := step(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	elapsed := time.Since(start)
	used, err := m.place.Used()
	if err != nil {
		return err
	}
	m.rows = append(m.rows, row{what, elapsed, "", used - m.used})
	m.used = used
	return nil
}

func (m *meter) build(ctx context.Context, what, dir string, env []string) (project.Result, error) {
	var result project.Result
	err := m.measure(what, func() (err error) {
		result, err = project.Cargo(ctx, dir, env, "build", "--locked")
		return err
	})
	if err == nil {
		m.rows[len(m.rows)-1].compiled = strconv.Itoa(len(result.Compiled()))
	}
	return result, err
}

// rebuild is build, and counts the codegen units that rustc took over.
func (m *meter) rebuild(ctx context.Context, what, dir string, env []string) (result project.Result, kept int, err error) {
	start := time.Now()
	if result, err = m.build(ctx, what, dir, env); err == nil {
		kept, _, err = project.Reused(filepath.Join(dir, "target", "debug"), start)
	}
	return result, kept, err
}

// print prints the table, with the bytes only where they tell of the demo.
func (m *meter) print(bytesKnown bool) {
	const format = "%-42s %10s %15s %20s\n"
	fmt.Printf(format, "", "time", "units compiled", "bytes added on disk")
	for _, r := range m.rows {
		added := "not known"
		if bytesKnown {
			added = fmt.Sprintf("%.1f MB", float64(r.added)/1e6)
		}
		fmt.Printf(format, r.what, fmt.Sprintf("%.2f s", r.elapsed.Seconds()), r.compiled, added)
	}
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
