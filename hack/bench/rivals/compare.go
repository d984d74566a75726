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

// room for six tools with a target or two and a cache each.
const room = 40 << 30

func compare(ctx context.Context, rounds int, only string) (err error) {
	p, err := scratch.Make(ctx, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
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
			if bin, err = rival.Install(ctx, *t.crate); err != nil {
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
