package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/rival"
)

// compare plays the scenes with the tools, and prints a table of each.
func compare(ctx context.Context, scenes, only []string, worktrees int) (err error) {
	// Beside the file systems that are measured.
	dir, err := os.MkdirTemp("", "cargo-cow-disk-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cow, err := program.Build(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Printf("%s; Btrfs in a loop image for each tool, compressed where that is said, or by the tool\n", report.Machine())
	for _, scene := range []struct {
		name, title string
		play        func(c *contender) ([]target, error)
	}{
		{"projects", fmt.Sprintf("%d projects, each built once, with its tests", len(samples)), projects},
		{"worktrees", fmt.Sprintf("%s and %d worktrees of it, each built once, with its tests", samples[0].name, worktrees), inWorktrees(worktrees)},
	} {
		if !slices.Contains(scenes, scene.name) {
			continue
		}
		figures, missing, err := all(ctx, cow, only, scene.play)
		if err != nil {
			return fmt.Errorf("%s: %w", scene.name, err)
		}
		fmt.Printf("\n%s\n\n", scene.title)
		if err := report.Table(os.Stdout, rows(figures)); err != nil {
			return err
		}
		for _, m := range missing {
			fmt.Printf("\nnot measured: %s\n", m)
		}
		if err := contents(figures); err != nil {
			return err
		}
	}
	return nil
}

// all has each tool play a scene. One of others that cannot, is missing; plain cargo and ours must.
func all(ctx context.Context, cow *program.Program, only []string, play func(c *contender) ([]target, error)) (figures []figure, missing []string, err error) {
	for _, t := range tools(cow) {
		if len(only) > 0 && !slices.Contains(only, t.name) {
			continue
		}
		bin := filepath.Dir(cow.Path)
		var err error
		if t.crate != nil {
			bin, err = rival.Install(ctx, *t.crate)
		}
		var f figure
		if err == nil {
			f, err = measure(ctx, t, bin, play)
		}
		switch {
		case err == nil:
			figures = append(figures, f)
		case ctx.Err() != nil || t.crate == nil:
			return nil, nil, fmt.Errorf("%s: %w", t.name, err)
		default:
			missing = append(missing, fmt.Sprintf("%s: %v", t.name, err))
		}
	}
	return figures, missing, nil
}

// rows are the table of a scene.
func rows(figures []figure) [][]string {
	table := [][]string{{"", "bytes in use", "of plain cargo", "after the first build", "files of the targets", "equal ones once", "all builds"}}
	var plain int64
	for _, f := range figures {
		if f.tool == plainCargo {
			plain = f.bytes
		}
	}
	for _, f := range figures {
		ratio := "–"
		if plain > 0 {
			ratio = fmt.Sprintf("%.1f %%", 100*float64(f.bytes)/float64(plain))
		}
		files, once := f.survey.total()
		table = append(table, []string{f.tool, megabytes(f.bytes), ratio, megabytes(f.first), megabytes(files), megabytes(once), report.Duration(f.time)})
	}
	return table
}

// contents tells what the targets of plain cargo consist of, and what the projects have in common.
func contents(figures []figure) error {
	for _, f := range figures {
		if f.tool != plainCargo {
			continue
		}
		if len(f.units) > 0 {
			fmt.Printf("\nwhat all have, of each project's packages: %s; of its units: %s\n", percent(f.packages), percent(f.units))
		}
		table := [][]string{{"plain cargo's targets", "bytes", "equal files once"}}
		for _, kind := range kinds {
			table = append(table, []string{kind, megabytes(f.survey.all[kind]), megabytes(f.survey.once[kind])})
		}
		fmt.Println()
		return report.Table(os.Stdout, table)
	}
	return nil
}

func percent(parts []float64) string {
	text := ""
	for i, p := range parts {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%.0f", 100*p)
	}
	return text + " %"
}
