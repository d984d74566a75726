// Differential makes up histories of Rust repositories and does them with cargo-cow, or with another tool: after every
// build the programs and tests must say what those of a clean build say, and cargo must rebuild what was promised. A
// history that goes wrong is made smaller and written down, so that it can be done again.
//
//	go run ./hack/differential [flags]            histories made up from seeds
//	go run ./hack/differential [flags] FILE...    those that were written down
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/differential/world"
)

func main() {
	world.Covered()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var r runner
	flag.IntVar(&r.n, "n", 20, "how many histories")
	flag.Uint64Var(&r.seed, "seed", 1, "the first one's seed; the others follow")
	flag.IntVar(&r.steps, "steps", 9, "how many things are done in each, after the first build")
	flag.IntVar(&r.jobs, "j", runtime.NumCPU(), "how many at once")
	flag.DurationVar(&r.time, "time", 0, "begin no new one after this time; 0: do all")
	flag.StringVar(&r.tool, "tool", "cargo-cow", "the tool: "+strings.Join(toolNames(), ", "))
	flag.StringVar(&r.without, "without", "", "switch a rule of cargo-cow's off")
	flag.StringVar(&r.toolchains, "toolchains", "", "versions of Rust to go through, separated by commas; the one that is active")
	flag.IntVar(&r.published, "published", 0, "use packages of the crates registry in every n-th history; 0: in none")
	flag.BoolVar(&r.outside, "outside", false, "the first checkout lies on another file system than the others, that of temporary files")
	flag.BoolVar(&r.xfs, "xfs", false, "the histories are on XFS, and not on Btrfs")
	flag.IntVar(&r.automatic, "automatic", 0, "in every n-th history nobody types a command of the tool's, which acts by itself; 0: in none; 1: in FILEs neither")
	flag.BoolVar(&r.shrink, "shrink", true, "make a history that goes wrong smaller")
	flag.StringVar(&r.out, "out", os.TempDir(), "the directory for histories that go wrong")
	flag.BoolVar(&r.first, "first", false, "stop at the first that goes wrong")
	flag.BoolVar(&r.verbose, "v", false, "print each step")
	table := flag.Bool("table", false, "do the same histories with every tool, and print a table; FILEs are then names of tools")
	rules := flag.Bool("rules", false, "show for each of cargo-cow's rules how many histories find that it is switched off, at most n, and its directed one; FILEs are then names of rules")
	flag.Parse()
	start := time.Now()
	err := r.inSpace(ctx, func() error {
		switch names := flag.Args(); {
		case *table && len(names) == 0:
			return r.table(ctx, os.Stdout, toolNames())
		case *table:
			return r.table(ctx, os.Stdout, names)
		case *rules:
			return r.rules(ctx, os.Stdout, names)
		default:
			return r.run(ctx, names)
		}
	})
	fmt.Printf("%s in %s\n", r.summary(), time.Since(start).Round(time.Second))
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "differential:", err)
		os.Exit(2)
	case errors.Is(ctx.Err(), context.Canceled):
		os.Exit(130)
	case len(r.faults) > 0:
		os.Exit(1)
	}
}
