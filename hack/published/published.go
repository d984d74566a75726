package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

var (
	// large is a program with a library and two hundred dependencies, none of the system's.
	large = project.Crate{Name: "mdbook", Version: "0.4.40"}
	// baked asks .git for its commit in its build script, and watches what it has read; --version tells it.
	baked = project.Crate{Name: "tree-sitter-cli", Version: "0.20.8"}
)

type bench struct {
	ctx     context.Context
	scratch *scratch.Space
	cow     *program.Program
	rustc   string // the compiler that keeps a list
	list    string
	rows    [][]string
}

func newBench(ctx context.Context, p *scratch.Space) (*bench, error) {
	cow, err := program.Build(ctx, filepath.Join(p.Dir, "program"))
	if err != nil {
		return nil, err
	}
	b := &bench{ctx: ctx, scratch: p, cow: cow, list: filepath.Join(p.Dir, "compiled")}
	b.rows = [][]string{{"", "time", "rustc compiled", "bytes"}}
	return b, b.tool(filepath.Join(p.Dir, "tool"))
}

// tool makes a toolchain around the installed one.
func (b *bench) tool(dir string) error {
	out, err := project.Run(b.ctx, b.scratch.Dir, project.Env(), "rustc", "--print=sysroot")
	if err != nil {
		return err
	}
	root := strings.TrimSpace(string(out))
	b.rustc = filepath.Join(dir, "bin", "rustc")
	if err := os.MkdirAll(filepath.Dir(b.rustc), 0o755); err != nil {
		return err
	}
	script := fmt.Sprintf(`#!/bin/sh
case " $* " in *" -C metadata="*)
	crate=
	for a; do [ "$before" = --crate-name ] && crate=$a; before=$a; done
	echo "$crate" >> '%s';;
esac
exec '%s/bin/rustc' "$@"
`, b.list, root)
	return errors.Join(os.WriteFile(b.rustc, []byte(script), 0o755), os.Symlink(root+"/lib", filepath.Join(dir, "lib")))
}

func (b *bench) env(more ...string) []string {
	return append(b.cow.Env(), append([]string{"RUSTC=" + b.rustc, "RUSTC_WRAPPER=" + b.cow.Wrapper}, more...)...)
}

func (b *bench) compiled() ([]string, error) {
	text, err := os.ReadFile(b.list)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return strings.Fields(string(text)), nil
}

// build builds in dir, adds a row, and returns the crates that were compiled, sorted.
func (b *bench) build(what, dir string, env []string) ([]string, error) {
	fmt.Fprintf(os.Stderr, "published: %s\n", what)
	before, err := b.compiled()
	if err != nil {
		return nil, err
	}
	used, err := b.scratch.Used()
	if err != nil {
		return nil, err
	}
	elapsed, err := report.Time(func() error {
		_, err := project.Run(b.ctx, dir, env, "cargo", "build", "--quiet", "--locked")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	after, err := b.compiled()
	if err != nil {
		return nil, err
	}
	now, err := b.scratch.Used()
	if err != nil {
		return nil, err
	}
	crates := slices.Clone(after[len(before):])
	slices.Sort(crates)
	count := fmt.Sprint(len(crates))
	if n := len(crates); n > 0 && n < 6 {
		count += ": " + strings.Join(crates, ", ")
	}
	b.row(what, elapsed, count, now-used)
	return crates, nil
}

func (b *bench) row(what string, elapsed time.Duration, count string, bytes int64) {
	b.rows = append(b.rows, []string{what, report.Duration(elapsed), count, fmt.Sprintf("%.1f MB", float64(bytes)/1e6)})
}

func (b *bench) fetch(c project.Crate, dir string) error {
	if err := project.Fetch(b.ctx, c, dir); err != nil {
		return err
	}
	_, err := project.Run(b.ctx, dir, project.Env(), "cargo", "fetch", "--locked")
	return err
}

// says runs a program and returns what it prints.
func (b *bench) says(program string, args ...string) (string, error) {
	out, err := project.Run(b.ctx, b.scratch.Dir, project.Env(), program, args...)
	return string(out), err
}

// clone builds a project of more than 150 packages, and a clone of it elsewhere.
func (b *bench) clone() error {
	origin, clone := filepath.Join(b.scratch.Dir, "large"), filepath.Join(b.scratch.Dir, "elsewhere", "clone")
	if err := b.fetch(large, origin); err != nil {
		return err
	}
	// The store is made by whoever switches the wrapper on.
	if _, err := b.cow.Run(b.ctx, origin, "init"); err != nil {
		return err
	}
	cold, err := b.build(large.String()+", cold", origin, b.env())
	if err != nil {
		return err
	}
	if err := project.Git(b.ctx, b.scratch.Dir, "clone", "--quiet", origin, clone); err != nil {
		return err
	}
	warm, err := b.build("a clone of it at another path, with an empty build directory", clone, b.env())
	if err != nil {
		return err
	}
	if len(warm) > 0 {
		return fmt.Errorf("%d of %d units are compiled in the clone: %q", len(warm), len(cold), warm)
	}
	clean := filepath.Join(b.scratch.Dir, "clean")
	if _, err := b.build("the clone by plain cargo", clone, b.env("RUSTC_WRAPPER=", "CARGO_TARGET_DIR="+clean)); err != nil {
		return err
	}
	for _, arg := range []string{"--version", "--help"} {
		got, err := b.says(filepath.Join(clone, "target/debug", large.Name), arg)
		want, cleanErr := b.says(filepath.Join(clean, "debug", large.Name), arg)
		if err = errors.Join(err, cleanErr); err != nil {
			return err
		}
		if got != want || got == "" {
			return fmt.Errorf("%s says %q, a clean build %q", arg, got, want)
		}
	}
	return nil
}

// commit builds a project that bakes its commit into the program, in worktrees.
func (b *bench) commit() error {
	origin := filepath.Join(b.scratch.Dir, "baked")
	if err := b.fetch(baked, origin); err != nil {
		return err
	}
	if _, err := b.cow.Run(b.ctx, origin, "init"); err != nil {
		return err
	}
	if _, err := b.build(baked.String()+", cold", origin, b.env()); err != nil {
		return err
	}
	if _, err := b.cow.Run(b.ctx, origin, "snapshot"); err != nil {
		return err
	}
	for _, w := range []struct {
		name, what string
		ahead      bool // its commit is another one
		wrapper    string
		compiled   []string // nil: whatever it is
	}{
		{"same", "a new worktree on a branch at the same commit", false, b.cow.Wrapper, []string{}},
		{"ahead", "a new worktree of another commit", true, b.cow.Wrapper, []string{"tree_sitter"}},
		{"plain", "the same without the wrapper", true, "", nil},
	} {
		dir := filepath.Join(b.scratch.Dir, w.name)
		if err := project.Git(b.ctx, origin, "worktree", "add", "--quiet", "-b", w.name, dir); err != nil {
			return err
		}
		if w.ahead {
			if err := project.Git(b.ctx, dir, "commit", "--quiet", "--allow-empty", "--message", w.name); err != nil {
				return err
			}
		}
		elapsed, err := report.Time(func() error {
			_, err := b.cow.Run(b.ctx, dir, "restore")
			return err
		})
		if err != nil {
			return err
		}
		b.row("restore into "+w.name, elapsed, "", 0)
		compiled, err := b.build(w.what, dir, b.env("RUSTC_WRAPPER="+w.wrapper))
		if err != nil {
			return err
		}
		if w.compiled != nil && !slices.Equal(compiled, w.compiled) {
			return fmt.Errorf("%s: %q are compiled, want %q", w.what, compiled, w.compiled)
		}
		id, err := project.Run(b.ctx, dir, project.Env(), "git", "rev-parse", "HEAD")
		if err != nil {
			return err
		}
		said, err := b.says(filepath.Join(dir, "target/debug/tree-sitter"), "--version")
		if err != nil {
			return err
		}
		if !strings.Contains(said, strings.TrimSpace(string(id))) {
			return fmt.Errorf("%s: the program says %q, the commit is %s", w.what, said, id)
		}
	}
	return nil
}
