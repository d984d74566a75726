package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/place"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
)

const (
	room = 16 << 30

	small, middle, large = 1_000, 20_000, 100_000
)

var errNoBtrfs = errors.New("the benchmark compares with Btrfs snapshots and has no Btrfs")

// The things measured. Those that are compared belong to one subject, so they meet the same disk at the same time.
const (
	restoreSmall  = "`restore`, 1,000 files"
	restoreMiddle = "`restore`, 20,000 files"
	restoreLarge  = "`restore`, 100,000 files"
	copyMiddle    = "`cp -a --reflink=always`, 20,000 files"
	ioctlMiddle   = "bare snapshot ioctl, 20,000 files"
	sealMiddle    = "`snapshot`, 20,000 files, one new registry unit"
	syncMiddle    = "sync and bare read-only snapshot ioctl, the same"
	firstBuild    = "first `cargo build` after `restore`"
	noopBuild     = "no-op `cargo build` in the origin"
)

// What is claimed of them: the first takes at most Aim times as long as the second.
var aims = []struct {
	what, against string
	aim           float64
}{
	{restoreMiddle, copyMiddle, 1. / 20},
	{restoreMiddle, ioctlMiddle, 3},
	{restoreLarge, restoreSmall, 1.3},
	{sealMiddle, syncMiddle, 2},
	{firstBuild, noopBuild, 1.2},
}

type bencher struct {
	ctx   context.Context
	place *place.Place
	cow   *program.Program
	bare  string // the baresnap program
	times map[string][]time.Duration
}

func bench(ctx context.Context, rounds int) (err error) {
	p, err := place.Make(ctx, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if !p.Btrfs {
		return fmt.Errorf("%w: %s", errNoBtrfs, p.Note)
	}
	b := &bencher{ctx: ctx, place: p, bare: filepath.Join(p.Dir, "baresnap"), times: map[string][]time.Duration{}}
	if b.cow, err = program.Build(ctx, filepath.Join(p.Dir, "program")); err != nil {
		return err
	}
	if _, err := project.Run(ctx, "", nil, "go", "build", "-o", b.bare, "github.com/cargo-cow/cargo-cow/hack/bench/baresnap"); err != nil {
		return err
	}

	subjects := map[int]*subject{}
	for _, files := range []int{small, middle, large} {
		if subjects[files], err = b.makeSubject(files); err != nil {
			return err
		}
	}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "bench: round %d of %d\n", round+1, rounds)
		if err := b.round(subjects); err != nil {
			return err
		}
	}
	fmt.Printf("%s; %d rounds; own Btrfs in a loop image: %v\n\n", report.Machine(), rounds, p.Own)
	for _, files := range []int{small, middle, large} {
		fmt.Printf("- target of %d files, %d of them not of registry units made up for this\n", subjects[files].files, subjects[files].real)
	}
	fmt.Println()
	return report.Table(os.Stdout, b.rows())
}

func (b *bencher) round(subjects map[int]*subject) error {
	s := subjects[middle]
	steps := []func() error{
		func() error { return b.restore(subjects[small], restoreSmall) },
		func() error { return b.restore(subjects[large], restoreLarge) },
		func() error { return b.copy(s, copyMiddle) },
		func() error { return b.ioctl(s, ioctlMiddle) },
		func() error { return b.restore(s, restoreMiddle) },
		func() error { return b.firstBuild(s, firstBuild) },
		func() error { return b.build(s.origin, noopBuild) },
		func() error { return b.sync(s, syncMiddle) },
		func() error { return b.snapshot(s, sealMiddle) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bencher) rows() [][]string {
	rows := [][]string{{"what", "median", "against", "median", "ratio", "aim", ""}}
	for _, a := range aims {
		what, against := report.Median(b.times[a.what]), report.Median(b.times[a.against])
		ratio := float64(what) / float64(against)
		verdict := "met"
		if ratio > a.aim {
			verdict = fmt.Sprintf("**missed by %.0f %%**", (ratio/a.aim-1)*100)
		}
		rows = append(rows, []string{a.what, report.Duration(what), a.against, report.Duration(against),
			fmt.Sprintf("%.2f", ratio), fmt.Sprintf("≤ %.2g", a.aim), verdict})
	}
	return rows
}
