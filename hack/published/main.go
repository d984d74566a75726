// Published shows on published projects what the wrapper does for what no layer has, and fails where it does not: a clone of
// a project of more than 150 packages, with an empty build directory, compiles nothing that was compiled before; a project
// that bakes its commit into the program and watches .git starts at once in a new worktree. What is compiled is counted by a
// compiler that keeps a list. It works on a file system of its own (hack/scratch), which is gone afterwards. Its arguments
// name the parts to show (clone, commit, environment); without any it shows all.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

// room is for a few debug builds, of which most share their content.
const room = 24 << 30

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := show(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func show(ctx context.Context) (err error) {
	p, err := scratch.Make(ctx, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	b, err := newBench(ctx, p)
	if err != nil {
		return err
	}
	parts := map[string]func() error{"clone": b.clone, "commit": b.commit, "environment": b.environment}
	named := os.Args[1:]
	if len(named) == 0 {
		named = slices.Sorted(maps.Keys(parts))
	}
	for _, name := range named {
		part := parts[name]
		if part == nil {
			return fmt.Errorf("show %s: want some of %q", name, slices.Sorted(maps.Keys(parts)))
		}
		if err := part(); err != nil {
			return err
		}
	}
	fmt.Printf("%s\n\n", report.Machine())
	return report.Table(os.Stdout, b.rows)
}
