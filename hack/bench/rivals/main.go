// Rivals measures the demo project with plain cargo, git-cow, kache, mbx, sccache and cargo-cow in one run: the cold build,
// the way from `git worktree add` until the worktree is built, and the bytes that worktree takes (worktrees). Then it measures published
// projects, with several toolchains, where each tool is set up once as its documentation says and nothing is typed afterwards
// but `git clone` and `cargo build`: a clone, and a new project whose dependencies others have built (untyped). The rivals are installed
// from the crates registry into the user's cache directory, once; one that cannot be installed is named with the reason and
// left out. Each works with a home of its own on a file system of this run's (hack/scratch), and all of it is gone afterwards,
// their background processes too. It wants the machine to itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	rounds := flag.Int("rounds", 3, "how many worktrees to measure with each tool")
	only := flag.String("only", "", "`names` of tools, separated by commas; all if empty")
	part := flag.String("part", "", "worktrees or untyped; both if empty")
	projects := flag.String("projects", "hyperfine-1.19.0,hexyl-0.16.0", "published `PROJECTS` for untyped")
	toolchains := flag.String("toolchains", "1.95.0,1.99.1", "rustup's `TOOLCHAINS` for untyped")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	var err error
	if *part != "untyped" {
		err = compare(ctx, *rounds, *only)
	}
	if err == nil && *part != "worktrees" {
		split := func(list string) []string { return strings.Split(list, ",") }
		err = untyped(ctx, *rounds, *only, split(*projects), split(*toolchains))
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "rivals: interrupted; nothing is left running or mounted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
