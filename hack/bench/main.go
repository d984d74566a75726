// Bench measures what the program's commands cost, in groups: restore and snapshot on targets of 1,000, 20,000 and 100,000
// files, against what the file system itself takes for the same (sizes); clones of 20,000 files by each driver on the file system
// that it is for, against cp (trees); grafts and planning (grafts); stores of many layers
// and long lockfiles (choices); what layers share, and pruning (accounts); fifty restores at once (crowd); ten forks at
// once (forks); first edits in new worktrees (edits); what cargo's first call in a checkout takes, and a cold build, where
// the program acts by itself (firstcall, cold); a pool on ext4 (pool). Named, it also measures what lies in pieces after many rebuilds
// (fragments). It prints medians and
// ratios as a Markdown table. Every figure of a table is from one run, the things compared taking turns, each measured right
// after it was done once uncounted. It works on a Btrfs of its own
// (hack/scratch), gone afterwards, and fails where it can get none; it wants the machine to itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

var parts = []part{
	{name: "sizes", group: &sizes{}},
	{name: "trees", group: &trees{}},
	{name: "grafts", group: &grafts{}},
	{name: "choices", group: &choices{}},
	{name: "accounts", group: &accounts{}},
	{name: "crowd", group: &crowd{}},
	{name: "forks", group: &forked{}},
	{name: "edits", group: &edits{}},
	{name: "firstcall", group: &firstcall{}},
	{name: "cold", group: &cold{}},
	{name: "pool", group: &pools{}},
	{name: "fragments", group: &fragments{rebuilds: rebuilds, seed: seed}, asked: true},
}

var (
	rebuilds = flag.Int("rebuilds", 200, "how often fragments rebuilds")
	seed     = flag.String("seed", "", "a `DIRECTORY` with the demo project, built, that fragments begins with; else it builds it")
)

func main() {
	rounds := flag.Int("rounds", 5, "how often to measure each thing")
	only := flag.String("only", "", "measure these groups only: sizes, trees, grafts, choices, accounts, crowd, forks, edits, firstcall, cold, pool; fragments, which takes an hour, only so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := bench(ctx, *rounds, named(strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })))
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted; nothing is left behind")
		os.Exit(130)
	case errors.Is(err, errNoBtrfs):
		fmt.Fprintln(os.Stderr, "error:", err)
		fmt.Fprintln(os.Stderr, "help: run as root where loop devices are allowed, or with TMPDIR on Btrfs")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// named are the parts with these names; where there are none, all but those that want to be asked for.
func named(only []string) []part {
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool {
		return !slices.Contains(only, p.name) && (len(only) > 0 || p.asked)
	})
}
