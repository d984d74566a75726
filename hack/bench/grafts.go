package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/layers/cargo/planner"
	cargoproject "github.com/cargo-cow/cargo-cow/layers/cargo/project"
)

// library is the project whose units are grafted: a lockfile of 300 packages, of which some 200 units are built here.
var library = project.Crate{Name: "mdbook", Version: "0.4.52"}

const leastGrafted = 200

// The things measured on a graft.
const (
	graftAll   = "`restore` of another project's layer, with grafts of 200 units and more"
	graftFirst = "the first such restore for a lockfile, for which cargo is asked what it needs"
	graftCopy  = "`cp --reflink=always` of the same files"
	graftBuild = "`cargo build` of all that (once)"
	graftNone  = "the same `restore --no-graft`"
	graftPlan  = "planning run, 300 packages"
)

// grafts measures what a restore costs whose layer, made for another project, has hardly anything of what the worktree
// needs, while another layer has it all.
type grafts struct {
	*subject
	base  string   // the layer restored
	files []string // what a restore grafts, relative to the build directory
}

func (g *grafts) aims() []aim {
	return []aim{
		{what: graftAll, against: graftCopy, ratio: 1.5},
		{what: graftAll, against: graftBuild, ratio: 0.05},
		{what: graftFirst, against: graftBuild, ratio: 0.05},
		{what: graftFirst, against: graftCopy},
		{what: graftAll, against: graftNone},
		{what: graftPlan, limit: 500 * time.Millisecond},
	}
}

func (g *grafts) prepare(b *bencher, dir string) ([]string, error) {
	cow := *b.cow
	cow.Store = filepath.Join(dir, "store")
	g.subject = &subject{cow: &cow, origin: filepath.Join(dir, "origin"), worktree: filepath.Join(dir, "place")}
	other := filepath.Join(dir, "other")
	fmt.Fprintf(os.Stderr, "bench: building %s\n", library)
	err := inTurn(
		func() error { return project.Workspace(b.ctx, other) },
		func() error { return project.Fetch(b.ctx, library, g.origin) },
		func() error {
			return project.Git(b.ctx, g.origin, "worktree", "add", "--quiet", "-b", "place", g.worktree)
		},
		func() (err error) {
			g.base, _, err = b.layer(&cow, other)
			return err
		},
		func() error {
			_, elapsed, err := b.layer(&cow, g.origin)
			b.times[graftBuild] = append(b.times[graftBuild], elapsed)
			return err
		},
	)
	if err != nil {
		return nil, err
	}
	bare, err := g.restoredFiles(b, "--no-graft")
	if err != nil {
		return nil, err
	}
	all, err := g.restoredFiles(b)
	if err != nil {
		return nil, err
	}
	for f := range all {
		// Only what was grafted lies in the origin's target under the same name.
		if _, err := os.Lstat(filepath.Join(g.origin, "target", f)); err == nil && !bare[f] {
			g.files = append(g.files, f)
		}
	}
	return []string{fmt.Sprintf("%s: a graft of %d files", library, len(g.files))}, nil
}

// layer builds a project for the first time and returns the layer of that, and how long cargo took.
func (b *bencher) layer(cow *program.Program, dir string) (id string, elapsed time.Duration, err error) {
	err = inTurn(
		func() error { // what is not to be measured: downloads
			_, err := project.Run(b.ctx, dir, project.Env(), "cargo", "fetch", "--locked", "--quiet")
			return err
		},
		func() error {
			_, err := cow.Run(b.ctx, dir, "init")
			return err
		},
		func() error {
			built, err := project.Cargo(b.ctx, dir, nil, "build", "--locked")
			elapsed = built.Elapsed
			return err
		},
		func() error {
			answer, err := cow.Run(b.ctx, dir, "snapshot")
			id = answer.Layer
			return err
		},
	)
	return id, elapsed, err
}

// restoredFiles lists what a restore leaves in the worktree's build directory.
func (g *grafts) restoredFiles(b *bencher, flags ...string) (map[string]bool, error) {
	if err := b.clear(g.subject); err != nil {
		return nil, err
	}
	if err := g.restore(b, flags...); err != nil {
		return nil, err
	}
	files := map[string]bool{}
	err := filepath.WalkDir(g.target(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(g.target(), path)
			files[rel] = true
		}
		return err
	})
	return files, err
}

func (g *grafts) restore(b *bencher, flags ...string) error {
	answer, err := g.cow.Run(b.ctx, g.worktree, append([]string{"restore", "--from=" + g.base}, flags...)...)
	if err == nil && len(flags) == 0 && answer.Grafted < leastGrafted {
		err = fmt.Errorf("%d units were grafted, fewer than %d", answer.Grafted, leastGrafted)
	}
	return err
}

func (g *grafts) round(b *bencher) error {
	clear := func() error { return b.clear(g.subject) }
	return inTurn(
		func() error {
			return b.measure(graftCopy, func() error {
				return errors.Join(clear(), os.Mkdir(g.target(), 0o755))
			}, func() error {
				args := append([]string{"--archive", "--reflink=always", "--parents", "--target-directory=" + g.target()}, g.files...)
				_, err := project.Run(b.ctx, filepath.Join(g.origin, "target"), nil, "cp", args...)
				return err
			})
		},
		func() error { return b.measure(graftNone, clear, func() error { return g.restore(b, "--no-graft") }) },
		func() error { return b.measure(graftPlan, clear, func() error { return g.plan(b) }) },
		func() error {
			return b.measure(graftFirst, func() error {
				return errors.Join(clear(), os.RemoveAll(filepath.Join(g.cow.Store, "plans")))
			}, func() error { return g.restore(b) })
		},
		func() error { return b.measure(graftAll, clear, func() error { return g.restore(b) }) },
		// What was grafted is fresh for cargo.
		func() error { return g.judge(b) },
	)
}

// plan asks cargo what a build of the worktree needs.
func (g *grafts) plan(b *bencher) error {
	tool := cargoproject.Tool{Cargo: "cargo", Dir: g.worktree, Environ: g.cow.Env()}
	ws := &cargoproject.Workspace{Root: g.worktree}
	plans := &planner.Planner{Tool: tool, Workspace: ws, Wrapper: g.cow.Path, Temp: g.cow.Store, Notes: filepath.Join(g.cow.Store, "rustc-notes.json")}
	needed, err := plans.Needed(b.ctx, planner.Build{Profile: "debug"})
	if err == nil && len(needed) < leastGrafted {
		err = fmt.Errorf("cargo named %d units", len(needed))
	}
	return err
}

// judge builds in the worktree: only its own packages may be compiled.
func (g *grafts) judge(b *bencher) error {
	built, err := project.Cargo(b.ctx, g.worktree, nil, "build", "--locked")
	if err != nil {
		return err
	}
	for _, u := range built.Compiled() {
		if u.Package != library.Name {
			return fmt.Errorf("after a graft cargo compiled %s", u)
		}
	}
	return nil
}
