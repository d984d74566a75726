package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/bench/report"
	"github.com/cargo-cow/cargo-cow/hack/program"
	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

const room = 32 << 30

var errNoBtrfs = errors.New("the benchmark compares with Btrfs snapshots and has no Btrfs")

// A group is things that are measured on the same subjects, so that those that are compared meet the same disk at the
// same time.
type group interface {
	// prepare makes the subjects in dir, which the group has to itself, and returns a line about each.
	prepare(b *bencher, dir string) (facts []string, err error)
	// round measures each thing once.
	round(b *bencher) error
	aims() []aim
}

// A part of the benchmark is a group by its name.
type part struct {
	name string
	group
	asked bool // it is measured only if it is named
}

// A tabled group has a table of its own, since what it finds are not times.
type tabled interface {
	table() [][]string
}

// An aim is what is claimed of a thing: that it takes at most ratio times as long as another, at most so much longer than
// another, or at most limit; none of these: it is only told.
type aim struct {
	what, against string
	ratio         float64
	over, limit   time.Duration
	told          bool // how much longer it takes, without a claim
	// paired: each of the one was measured beside one of the other, so that what tells is the median of how pairs
	// compare. A machine that others use is slower at one time than at another, for both.
	paired bool
}

// compared is by how much, and how many times, a thing took longer than another.
func (b *bencher) compared(a aim) (more time.Duration, ratio float64) {
	what, against := b.times[a.what], b.times[a.against]
	if !a.paired || len(what) != len(against) {
		w, g := report.Median(what), report.Median(against)
		return w - g, float64(w) / float64(g)
	}
	var mores, ratios []time.Duration // a ratio as so many thousandths of a second
	for i := range what {
		mores = append(mores, what[i]-against[i])
		ratios = append(ratios, time.Duration(float64(what[i])/float64(against[i])*1e6))
	}
	return report.Median(mores), float64(report.Median(ratios)) / 1e6
}

type bencher struct {
	ctx     context.Context
	scratch *scratch.Space
	cow     *program.Program
	bare    string // the baresnap program
	times   map[string][]time.Duration
	others  *[]io.Closer // closed when all is measured
}

// disk is the bencher with another disk, for subjects that must not see each other's data.
func (b *bencher) disk() (*bencher, error) {
	p, err := scratch.Make(b.ctx, room)
	if err != nil {
		return nil, err
	}
	*b.others = append(*b.others, p)
	own := *b
	own.scratch = p
	return &own, nil
}

// bench measures the parts one after the other.
func bench(ctx context.Context, rounds int, parts []part) (err error) {
	p, err := scratch.Make(ctx, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if !p.Btrfs {
		return fmt.Errorf("%w: %s", errNoBtrfs, p.Note)
	}
	b := &bencher{ctx: ctx, scratch: p, bare: filepath.Join(p.Dir, "baresnap"), times: map[string][]time.Duration{}, others: &[]io.Closer{}}
	defer func() {
		for _, other := range *b.others {
			err = errors.Join(err, other.Close())
		}
	}()
	if b.cow, err = program.Build(ctx, filepath.Join(p.Dir, "program")); err != nil {
		return err
	}
	if _, err := project.Run(ctx, "", nil, "go", "build", "-o", b.bare, "github.com/cargo-cow/cargo-cow/hack/bench/baresnap"); err != nil {
		return err
	}
	fmt.Printf("%s; %d rounds; own Btrfs in a loop image: %v\n\n", report.Machine(), rounds, p.Own)
	rows := [][]string{{"what", "median", "against", "median", "ratio", "aim", ""}}
	for _, g := range parts {
		dir := filepath.Join(p.Dir, g.name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		facts, err := g.prepare(b, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		for _, f := range facts {
			fmt.Println("- " + f)
		}
		if own, ok := g.group.(tabled); ok {
			fmt.Println()
			if err := report.Table(os.Stdout, own.table()); err != nil {
				return err
			}
			continue
		}
		for round := range rounds {
			fmt.Fprintf(os.Stderr, "bench: %s, round %d of %d\n", g.name, round+1, rounds)
			if err := g.round(b); err != nil {
				return fmt.Errorf("%s: %w", g.name, err)
			}
		}
		for _, a := range g.aims() {
			rows = append(rows, b.row(a))
		}
	}
	if len(rows) == 1 { // only what has tables of its own was measured
		return nil
	}
	fmt.Println()
	return report.Table(os.Stdout, rows)
}

func (b *bencher) row(a aim) []string {
	what := report.Median(b.times[a.what])
	verdict := func(ratio float64) string {
		if ratio > 1 {
			return fmt.Sprintf("**missed by %.0f %%**", (ratio-1)*100)
		}
		return "met"
	}
	if a.against == "" {
		return []string{a.what, report.Duration(what), "", "", "", "≤ " + report.Duration(a.limit), verdict(float64(what) / float64(a.limit))}
	}
	against := report.Median(b.times[a.against])
	more, ratio := b.compared(a)
	if a.told {
		return []string{a.what, report.Duration(what), a.against, report.Duration(against), signed(more), "", ""}
	}
	if a.over > 0 {
		return []string{a.what, report.Duration(what), a.against, report.Duration(against),
			signed(more), "≤ +" + report.Duration(a.over), verdict(float64(more) / float64(a.over))}
	}
	if a.ratio == 0 {
		return []string{a.what, report.Duration(what), a.against, report.Duration(against), fmt.Sprintf("%.2f", ratio), "", ""}
	}
	return []string{a.what, report.Duration(what), a.against, report.Duration(against),
		fmt.Sprintf("%.2f", ratio), fmt.Sprintf("≤ %.3g", a.ratio), verdict(ratio / a.ratio)}
}

func signed(d time.Duration) string {
	if d < 0 {
		return "-" + report.Duration(-d)
	}
	return "+" + report.Duration(d)
}

// measure does a step twice, each time after prepare, and counts the second: a machine may have pushed out of memory, in
// the seconds that other measurements took, programs and metadata that a user at work would have there.
func (b *bencher) measure(name string, prepare, step func() error) error {
	var elapsed time.Duration
	for range 2 {
		err := prepare()
		if err == nil {
			elapsed, err = report.Time(step)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.times[name] = append(b.times[name], elapsed)
	return nil
}

// inTurn does steps until one fails.
func inTurn(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
