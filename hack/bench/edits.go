package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

// The things measured on a first edit, and on what the wrapper costs besides.
const (
	editPlace  = "first edit in a new worktree, with the wrapper"
	editWarm   = "the same, read ahead before"
	editPlain  = "the same without the wrapper"
	editOrigin = "the same edit in the origin"
	callEmpty  = "an empty Go program"
	callPlain  = "a call that the wrapper passes on to /bin/true"
)

// edits measures the first edit of the demo project in worktrees that were restored, each new.
type edits struct {
	cow           *program.Program
	origin, empty string
	made          int
}

func (e *edits) aims() []aim {
	return []aim{
		{what: editPlace, against: editOrigin, ratio: 2.2},
		{what: editWarm, against: editOrigin, ratio: 1.3},
		{what: editPlace, against: editPlain, ratio: 0.5},
		{what: callPlain, against: callEmpty, over: 2 * time.Millisecond},
	}
}

func (e *edits) prepare(b *bencher, dir string) ([]string, error) {
	cow := *b.cow
	cow.Store = filepath.Join(dir, "store")
	e.cow, e.origin, e.empty = &cow, filepath.Join(dir, "origin"), filepath.Join(dir, "empty")
	fmt.Fprintf(os.Stderr, "bench: building %s\n", project.Demo)
	source := filepath.Join(dir, "empty.go")
	err := inTurn(
		func() error { return project.Fetch(b.ctx, project.Demo, e.origin) },
		func() error {
			_, _, err := b.layer(&cow, e.origin)
			return err
		},
		func() error { return os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644) },
		func() error {
			_, err := project.Run(b.ctx, dir, nil, "go", "build", "-o", e.empty, source)
			return err
		},
	)
	return []string{fmt.Sprintf("%s: edits of one function of its library; each worktree is new", project.Demo)}, err
}

// worktree makes a new one and restores it.
func (e *edits) worktree(ctx context.Context) (string, error) {
	e.made++
	name := fmt.Sprintf("edit-%d", e.made)
	dir := filepath.Join(filepath.Dir(e.origin), name)
	return dir, inTurn(
		func() error { return project.Git(ctx, e.origin, "worktree", "add", "--quiet", "-b", name, dir) },
		func() error {
			_, err := e.cow.Run(ctx, dir, "restore")
			return err
		},
	)
}

// edit measures an edit's build in dir.
func (e *edits) edit(b *bencher, name, dir string, env ...string) error {
	if err := project.EditDemo(dir); err != nil {
		return err
	}
	built, err := project.Cargo(b.ctx, dir, env, "build", "--locked")
	if err == nil && len(built.Compiled()) != 2 {
		err = fmt.Errorf("cargo compiled %v, and should have compiled the library and the program", built.Compiled())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.times[name] = append(b.times[name], built.Elapsed)
	return nil
}

func (e *edits) wrapped() string { return "RUSTC_WRAPPER=" + e.cow.Wrapper }

func (e *edits) first(b *bencher, name string, warm bool, env ...string) error {
	dir, err := e.worktree(b.ctx)
	if err != nil {
		return err
	}
	if warm {
		if _, err := project.Run(b.ctx, dir, e.cow.Env(), e.cow.Path, "warm", filepath.Join(dir, "target")); err != nil {
			return err
		}
	}
	return e.edit(b, name, dir, env...)
}

func (e *edits) round(b *bencher) error {
	return inTurn(
		func() error { return e.edit(b, editOrigin, e.origin) },
		func() error { return e.first(b, editPlace, false, e.wrapped()) },
		func() error { return e.first(b, editWarm, true, e.wrapped()) },
		func() error { return e.first(b, editPlain, false) },
		func() error { return e.calls(b) },
	)
}

// callsInARow are timed together: one takes some milliseconds.
const callsInARow = 50

// calls measures what a call costs that is none of the wrapper's business, as nearly all are in a cold build.
func (e *edits) calls(b *bencher) error {
	for name, args := range map[string][]string{
		callEmpty: {e.empty},
		callPlain: {e.cow.Wrapper, "/bin/true", "--crate-name", "x", "--emit=link", "src/lib.rs"},
	} {
		elapsed, err := report.Time(func() error {
			for range callsInARow {
				if _, err := project.Run(b.ctx, e.origin, nil, args[0], args[1:]...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		b.times[name] = append(b.times[name], elapsed/callsInARow)
	}
	return nil
}
